"""The two scripts of the action, without a runner around them: what they take, what they refuse, how they end."""

import hashlib
import http.server
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

from stage import FILE, VERSION, Case

# Says what it was given, writes it down, and ends as told.
FAKE = """#!/bin/sh
printf 'arg %s\\n' "$@"
env | sed -n 's/^\\(TOKENWHEEL_[A-Z_]*=\\)/env \\1/p'
exit ${FAKE_CODE:-0}
"""


class Script(Case):
    def setUp(self):
        super().setUp()
        self.output = self.folder / "output"
        self.fake = self.folder / "fake"
        self.fake.write_text(FAKE, encoding="utf-8")
        self.fake.chmod(0o755)

    def environment(self, **given):
        own = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(self.folder), "GITHUB_OUTPUT": str(self.output)}
        own |= {"RUNNER_OS": "Linux", "CURL_CA_BUNDLE": str(self.release.certificate), "MIRROR": self.release.url}
        return own | {name: str(value) for name, value in given.items() if value is not None}

    def run_script(self, name, **given):
        self.output.write_text("", encoding="utf-8")
        script = self.action / "action" / f"{name}.sh"
        ran = subprocess.run(
            ["bash", script],
            env=self.environment(**given),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        ran.outputs = dict(line.split("=", 1) for line in self.output.read_text(encoding="utf-8").splitlines())
        return ran

    def fetch(self, **given):
        return self.run_script("fetch", **given)

    def turn(self, command="rotate", **given):
        return self.run_script("turn", BIN=self.fake, COMMAND=command, **given)

    def refused(self, ran, *words):
        self.assertEqual(ran.returncode, 2, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout, r"(?m)^::error title=tokenwheel::nothing was attempted: ")
        for word in words:
            self.assertIn(word, ran.stdout)
        self.assertEqual(ran.outputs, {"exit-code": "2", "summary": "nothing was attempted"})
        self.assertEqual(list(self.folder.glob("tokenwheel.*/*")), [], "something was left to be run")


class Fetch(Script):
    def test_what_has_the_checksum_is_given(self):
        self.publish(FAKE.encode())
        ran = self.fetch()
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        fetched = pathlib.Path(ran.outputs["bin"])
        self.assertEqual(fetched.read_text(encoding="utf-8"), FAKE)
        self.assertTrue(os.access(fetched, os.X_OK))
        self.assertEqual([path for path, _ in self.release.asked], [f"/v{VERSION}/{FILE}"])

    def test_what_has_another_checksum_is_removed_and_both_are_named(self):
        self.publish(FAKE.encode())
        wrong = FAKE.encode() + b"\n"
        self.release.put(f"/v{VERSION}/{FILE}", wrong)
        right = hashlib.sha256(FAKE.encode()).hexdigest()
        self.refused(self.fetch(), hashlib.sha256(wrong).hexdigest(), right)

    def test_a_commit_that_no_release_was_made_of_downloads_nothing_and_says_what_to_do(self):
        self.release.put(f"/v{VERSION}/{FILE}", FAKE.encode())
        self.refused(self.fetch(), "belongs to no release", "/releases", "bin:")
        self.assertEqual(self.release.asked, [])

    def test_the_repository_holds_no_checksum_that_was_made_up(self):
        lines = (self.action / "action" / "checksums.txt").read_text(encoding="utf-8").splitlines()
        held = [line.split() for line in lines if line and not line.startswith("#")]
        for version, file, checksum in held:
            self.assertEqual(version, VERSION, "the checksums are those of another version: see docs/releasing.md")
            self.assertRegex(f"{file} {checksum}", r"^tokenwheel-(x86_64|aarch64)-unknown-linux-musl [0-9a-f]{64}$")
        self.assertIn(len(held), (0, 2))

    def test_a_checksum_that_is_missing_broken_or_twice_there_is_refused(self):
        manifest = self.action / "action" / "checksums.txt"
        good = hashlib.sha256(FAKE.encode()).hexdigest()
        self.release.put(f"/v{VERSION}/{FILE}", FAKE.encode())
        for lines, word in (
            (f"{VERSION}  {FILE}\n", "not a line of"),
            (f"{VERSION}  {FILE}  {good[1:]}\n", "not a line of"),
            (f"{VERSION}  {FILE}  {good.upper()}\n", "not a line of"),
            (f"{VERSION}  {FILE}  {good} more\n", "not a line of"),
            (f"v/../x  {FILE}  {good}\n", "not a line of"),
            (f"{VERSION}  {FILE}  {good}\n" * 2, "twice"),
            (f"{VERSION}  tokenwheel-sparc  {good}\n", "belongs to no release"),
        ):
            manifest.write_text(lines, encoding="utf-8")
            self.refused(self.fetch(), word)
        self.assertEqual(self.release.asked, [])

    def test_other_systems_are_told(self):
        self.publish(FAKE.encode())
        self.refused(self.fetch(RUNNER_OS="macOS", RUNNER_ARCH="ARM64"), "macOS", "ARM64", "Linux, x64 or arm64")
        self.refused(self.fetch(RUNNER_OS="Windows", RUNNER_ARCH="X64"), "Windows")
        self.refused(self.fetch(RUNNER_ARCH="ARM"), "ARM")
        self.assertEqual(self.release.asked, [])

    def test_nothing_is_fetched_without_tls_not_even_by_a_redirect(self):
        self.publish(FAKE.encode())
        plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        asked = []
        plain.RequestHandlerClass = type("Plain", (http.server.BaseHTTPRequestHandler,), {"do_GET": asked.append})
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        self.addCleanup(plain.server_close)
        self.addCleanup(plain.shutdown)
        url = f"http://127.0.0.1:{plain.server_port}"
        self.refused(self.fetch(MIRROR=url), "is not an https:// address")
        self.release.put(f"/v{VERSION}/{FILE}", (f"{url}/elsewhere",))
        self.refused(self.fetch(), "could not be fetched")
        self.assertEqual(asked, [])

    def test_a_server_that_nobody_vouches_for_is_not_believed(self):
        self.publish(FAKE.encode())
        self.refused(self.fetch(CURL_CA_BUNDLE=""), "could not be fetched")

    def test_a_release_that_is_gone_says_what_to_do(self):
        self.publish(FAKE.encode())
        self.release.files.clear()
        self.refused(self.fetch(), "could not be fetched", "mirror:", "bin:")

    def test_curl_is_given_no_credential_of_the_job_and_no_settings(self):
        self.publish(FAKE.encode())
        spy = self.folder / "bin" / "curl"
        spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{self.folder}/seen\nenv >>{self.folder}/seen\nexit 6\n', encoding="utf-8")
        spy.chmod(0o755)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        self.refused(self.fetch(PATH=path, DAS_REFRESHER="made-up-secret", HTTPS_PROXY="http://proxy:3128"))
        seen = (self.folder / "seen").read_text(encoding="utf-8")
        self.assertNotIn("made-up-secret", seen)
        self.assertIn("HTTPS_PROXY=http://proxy:3128", seen)
        self.assertEqual(seen.splitlines()[0], "--disable")
        self.assertNotIn("--insecure", seen)

    def test_a_runner_without_the_tools_is_told(self):
        self.publish(FAKE.encode())
        bare = self.folder / "bare"
        bare.mkdir()
        for tool in ("bash", "uname", "dirname", "mktemp", "env", "rm", "mv", "chmod", "sha256sum"):
            (bare / tool).symlink_to(shutil.which(tool))
        self.refused(self.fetch(PATH=bare), "has no curl")
        (bare / "curl").symlink_to(shutil.which("curl"))
        self.assertEqual(self.fetch(PATH=bare).returncode, 0)
        (bare / "sha256sum").unlink()
        for fetched in self.folder.glob("tokenwheel.*/*"):
            fetched.unlink()
        self.refused(self.fetch(PATH=bare), "has no sha256sum")

    def test_a_binary_at_hand_is_named_by_its_path_and_never_found_by_accident(self):
        ran = self.fetch(BIN="./fake", MIRROR="https://127.0.0.1:1")
        self.assertEqual((ran.returncode, ran.outputs), (0, {"bin": str(self.fake.resolve())}))
        self.assertEqual(self.fetch(TOKENWHEEL_BIN=self.fake).outputs, {"bin": str(self.fake.resolve())})
        on_path = self.folder / "bin" / "tokenwheel"
        on_path.write_text(FAKE, encoding="utf-8")
        on_path.chmod(0o755)
        path = f"{on_path.parent}:{os.environ['PATH']}"
        self.refused(self.fetch(PATH=path, BIN="tokenwheel"), "is a name and not a path")
        self.refused(self.fetch(PATH=path), "belongs to no release")
        self.refused(self.fetch(BIN="./nothing"), "is no program")
        self.refused(self.fetch(BIN="./"), "is no program")
        self.refused(self.fetch(BIN=f"{self.fake}\nbin=/bin/true"), "one line")


class Turn(Script):
    def given(self, ran):
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        arguments = [line[4:] for line in ran.stdout.splitlines() if line.startswith("arg ")]
        return arguments, dict(line[4:].split("=", 1) for line in ran.stdout.splitlines() if line.startswith("env "))

    def test_each_command_is_given_its_words(self):
        two = {"TOKENWHEEL_ONLY": "a, deploy[acme/app]"}
        for command, given, words in (
            ("plan", {}, ["plan"]),
            ("rotate", {"VERBOSE": "true"}, ["--verbose", "rotate"]),
            ("check", {}, ["check"]),
            ("check", {"OFFLINE": "true", "AGAINST": "old one.yml"}, ["check", "--offline", "--against=old one.yml"]),
            ("status", two, ["status", "--only=a", "--only=deploy[acme/app]"]),
            ("revoke", two, ["revoke", "--", "a", "deploy[acme/app]"]),
            ("revoke", {"TOKENWHEEL_ONLY": "--all"}, ["revoke", "--", "--all"]),
        ):
            self.assertEqual(self.given(self.turn(command, **given))[0], words)

    def test_names_come_by_commas_or_lines_and_empty_inputs_are_none(self):
        _, environment = self.given(self.turn(TOKENWHEEL_ONLY=" a,b ,\n\nc d\n", TOKENWHEEL_REASON=""))
        self.assertEqual((environment["TOKENWHEEL_ONLY"], environment["TOKENWHEEL_REASON"]), ("a,b,c d", ""))

    def test_a_switch_is_true_or_false_and_nothing_else(self):
        _, environment = self.given(self.turn(TOKENWHEEL_FORCE="true", TOKENWHEEL_ALL="false", TOKENWHEEL_REVOKE_NOW=""))
        self.assertEqual((environment["TOKENWHEEL_FORCE"], environment["TOKENWHEEL_ALL"]), ("true", ""))
        for name in ("TOKENWHEEL_FORCE", "TOKENWHEEL_ALL", "TOKENWHEEL_REVOKE_NOW", "OFFLINE", "VERBOSE"):
            for wrong in ("yes", "1", "True", "true\n::error::x"):
                ran = self.turn(**{name: wrong})
                self.refused(ran, "is neither true nor false")
                self.assertEqual(len(ran.stdout.splitlines()), 1, "a second line would be a command of somebody's")

    def test_what_there_is_not_is_refused(self):
        for command in ("", "supply", "--help", "rotate\n::error::x", "rotate --all"):
            self.refused(self.turn(command), "is none of plan, rotate")
        self.refused(self.turn("revoke"), "revoke needs the names")
        self.refused(self.turn("revoke", TOKENWHEEL_ONLY=" , "), "revoke needs the names")
        self.refused(self.turn(FAIL_ON="never"), "neither any nor risk")
        self.refused(self.run_script("turn", COMMAND="plan"), "no binary")

    def test_whoever_opens_a_pull_request_meets_no_credential(self):
        for event in ("pull_request", "pull_request_target", "issue_comment", "workflow_run"):
            for command in ("rotate", "plan", "revoke", "status", "check"):
                ran = self.turn(command, GITHUB_EVENT_NAME=event, TOKENWHEEL_ONLY="a")
                self.refused(ran, event, 'offline: true')
                self.assertNotIn("arg ", ran.stdout)
            self.given(self.turn("check", GITHUB_EVENT_NAME=event, OFFLINE="true"))
        for event in ("schedule", "workflow_dispatch", "push", "workflow_call", "repository_dispatch"):
            self.given(self.turn(GITHUB_EVENT_NAME=event))

    def test_the_step_ends_with_the_programs_code(self):
        for code in (0, 1, 2, 3, 4, 10):
            ran = self.turn(FAKE_CODE=code)
            self.assertEqual((ran.returncode, ran.outputs["exit-code"]), (code, str(code)))

    def test_only_what_puts_nothing_at_risk_may_be_let_pass(self):
        for code, end in ((0, 0), (1, 1), (2, 2), (3, 0), (4, 4)):
            ran = self.turn(FAIL_ON="risk", FAKE_CODE=code)
            self.assertEqual((ran.returncode, ran.outputs["exit-code"]), (end, str(code)))
            self.assertEqual("::warning title=tokenwheel::" in ran.stdout, code == 3)

    def test_a_config_of_several_lines_is_the_config_itself(self):
        _, environment = self.given(self.turn(TOKENWHEEL_CONFIG="version: 1\ntokens: {}\n"))
        self.assertEqual(environment["TOKENWHEEL_CONFIG"], "tokenwheel.inline.yml")
        written = (self.folder / "tokenwheel.inline.yml").read_text(encoding="utf-8")
        self.assertEqual(written.rstrip(), "version: 1\ntokens: {}")
        _, environment = self.given(self.turn(TOKENWHEEL_CONFIG="a/b.yml"))
        self.assertEqual(environment["TOKENWHEEL_CONFIG"], "a/b.yml")

    def test_the_report_has_a_folder_of_its_own_unless_one_is_named(self):
        ran = self.turn()
        self.assertTrue(pathlib.Path(ran.outputs["report-dir"]).is_dir())
        self.assertNotEqual(self.turn().outputs["report-dir"], ran.outputs["report-dir"])
        self.assertEqual(self.turn(TOKENWHEEL_REPORT_DIR="here").outputs["report-dir"], "here")
        self.refused(self.turn(TOKENWHEEL_REPORT_DIR="here\nrotated=everything"), "one line")

    def test_a_cancelled_job_tells_the_program_and_waits_for_its_end(self):
        self.fake.write_text(
            "#!/bin/sh\ntrap 'echo told; sleep 1; exit 3' TERM\necho started\nwhile :; do sleep 0.1; done\n", encoding="utf-8"
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            self.output.write_text("", encoding="utf-8")
            script = self.action / "action" / "turn.sh"
            with subprocess.Popen(
                ["bash", script],
                env=self.environment(BIN=self.fake, COMMAND="rotate"),
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
                # Whoever starts the suite in the background has it ignored, and a shell cannot take that back.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            ) as running:
                # Whatever is wrong, nothing of it is waited for.
                end = threading.Timer(20, os.killpg, (running.pid, signal.SIGKILL))
                end.start()
                self.addCleanup(end.cancel)
                self.assertEqual(running.stdout.readline(), "started\n")
                began = time.monotonic()
                running.send_signal(number)
                self.assertEqual(running.wait(timeout=30), 3)
                self.assertGreater(time.monotonic() - began, 0.9)
                self.assertEqual(running.stdout.read(), "told\n")
                end.cancel()
            self.assertIn("exit-code=3\n", self.output.read_text(encoding="utf-8"))
