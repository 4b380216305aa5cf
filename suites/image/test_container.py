"""The images, run as their users run them; the sandbox is on loopback."""

import json
import os
import pathlib
import subprocess
import threading
import time
import uuid

from sandbox import NOBODY, ROTATE, Case, Ran, run
from test_image import EMPTY, GITLAB

HARDENED = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]


class Container(Case):
    def setUp(self):
        super().setUp()
        self.reports = self.folder / "reports"
        self.reports.mkdir()
        os.chown(self.reports, NOBODY, NOBODY)

    def command(self, image, *arguments, flags=(), **environment):
        environment = {"GITLAB_REFRESHER": self.login, "TOKENWHEEL_REPORT_DIR": "reports", **environment}
        given = [flag for pair in environment.items() for flag in ("--env", "=".join(pair))]
        mounted = ["--volume", f"{self.folder}:/repo"]
        return ["podman", "run", "--rm", "--network", "host", *mounted, *given, *flags, image, *arguments]

    def podman(self, image, *arguments, stdin=None, **settings):
        return run(self.command(image, *arguments, **settings), input=stdin)

    def assert_reported(self):
        report = json.loads((self.reports / "report.json").read_text(encoding="utf-8"))
        self.assertIn("deploy", json.dumps(report))
        self.assertIn("deploy", (self.reports / "report.md").read_text(encoding="utf-8"))


class Hardened(Container):
    def test_the_demo_turns(self):
        ran = run(["podman", "run", "--rm", "--network", "none", *HARDENED, EMPTY, "demo"])
        self.assertEqual(ran.code, 0, ran.told)
        print(f"image: the demo takes {ran.took:.1f} s in a container")

    def test_it_rotates_and_keeps_its_ledger_and_its_reports(self):
        ran = self.podman(EMPTY, *ROTATE, flags=HARDENED)
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)
        self.assert_reported()
        for name in ("ledger.json", "reports/report.json"):
            self.assertEqual((self.folder / name).stat().st_uid, NOBODY)
        # And the next job finds what this one left.
        ran = self.podman(EMPTY, "plan", "--only", "deploy", flags=HARDENED)
        self.assertEqual(ran.code, 0, ran.told)
        self.assertRegex(ran.out, "kept +deploy", ran.told)

    def test_it_runs_as_any_user_that_owns_the_folder(self):
        for path in (self.folder, self.reports):
            os.chown(path, 4711, 4711)
        ran = self.podman(EMPTY, *ROTATE, flags=[*HARDENED, "--user", "4711:4711"])
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)
        self.assertEqual((self.folder / "ledger.json").stat().st_uid, 4711)

    def test_the_ca_of_its_server_is_trusted(self):
        proxy = self.proxy(certificate=self.certificate())
        self.write(f"https://localhost:{proxy.server_port}")
        ran = self.podman(EMPTY, *ROTATE, flags=HARDENED)
        self.assertIn("a CA that is not known here", ran.told)
        self.assertEqual(self.held(), self.old)
        job = {"CI_SERVER_TLS_CA_FILE": "/repo/ca.pem", "CI_SERVER_HOST": "localhost"}
        ran = self.podman(EMPTY, *ROTATE, flags=HARDENED, **job)
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)


class Stopped(Container):
    """It is the first process of its container, and such a one gets no signal that it does not ask for."""

    def stopped_by(self, *stop):
        """Stops it while the answer to a mint is on its way."""
        name = f"tokenwheel-{uuid.uuid4()}"
        minted, answered = threading.Event(), threading.Event()

        def hold(method, path):
            if method == "POST" and path.endswith("/rotate") and not minted.is_set():
                minted.set()
                answered.wait(20)

        self.write(f"http://127.0.0.1:{self.proxy(before_answer=hold).server_port}")
        force = ["--all", "--force", "--reason", "the suite asks for it"]
        flags = [*HARDENED, "--name", name]
        with subprocess.Popen(
            self.command(EMPTY, "rotate", *force, flags=flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            self.assertTrue(minted.wait(60), "nothing was minted")
            shown = subprocess.run(
                ["podman", "inspect", "--format", "{{.State.Pid}}", name], capture_output=True, text=True, check=True
            )
            numbers = pathlib.Path(f"/proc/{shown.stdout.strip()}/status").read_text(encoding="ascii")
            self.assertRegex(numbers, r"(?m)^NSpid:.*\t1$")
            stopping = subprocess.Popen(["podman", *stop, name], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(2)
            began = time.monotonic()
            answered.set()
            out, err = process.communicate(timeout=60)
            took = time.monotonic() - began
            stopping.communicate(timeout=60)
        return Ran(subprocess.CompletedProcess([], process.returncode, out, err), took)

    def test_it_ends_after_the_rotation_in_hand_and_says_what_stands(self):
        for stop in (["stop", "--time", "60"], ["kill", "--signal", "INT"]):
            with self.subTest(stop[0]):
                ran = self.stopped_by(*stop)
                self.assertEqual(ran.code, 3, ran.told)
                self.assertLess(ran.took, 20, ran.told)
                self.assertIn("stopping", ran.err)
                self.assert_rotated(ran)
                # The refresher comes after the rest, and was not begun.
                self.assertIn("refresher", ran.out)
                self.assertTrue(self.lives(self.login), ran.told)
                self.assertFalse((self.folder / "ledger.json.lease").exists(), ran.told)
                self.assert_reported()
            # The next one begins with what stands now.
            self.old = self.held()


class GitLabJob(Container):
    """As the runner does it: a script for the image's shell."""

    SCRIPT = "set -eo pipefail\ncd /repo\ntokenwheel " + " ".join(map("'{}'".format, ROTATE))

    def test_a_job_with_an_emptied_entrypoint_rotates(self):
        ran = self.podman(GITLAB, "sh", "-c", self.SCRIPT, flags=[*HARDENED, "--entrypoint", ""], GITLAB_CI="true")
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)
        self.assert_reported()

    def test_a_job_as_it_stands_rotates(self):
        # The runner looks for a shell, and hands it the script on its standard input.
        looked = 'if [ -x /bin/bash ]; then exec /bin/bash; elif [ -x /bin/sh ]; then exec /bin/sh; else exit 1; fi'
        ran = self.podman(GITLAB, "sh", "-c", looked, stdin=self.SCRIPT, flags=["--interactive"], GITLAB_CI="true")
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)

    def test_the_exit_code_reaches_the_script(self):
        script = "tokenwheel plan --config /not/there.yml || echo \"it ended with $?\""
        ran = self.podman(GITLAB, "sh", "-c", script)
        self.assertIn("it ended with 2\n", ran.out, ran.told)


class GitHubStep(Container):
    """With the command files of a runner."""

    FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_STATE")
    # The user of GitHub's own machines.
    RUNNER = 1001

    def commands(self, owner):
        """Makes the command files; gives the flags and the variables that hand them over."""
        commands = self.folder / "commands"
        commands.mkdir(mode=0o755)
        for name in self.FILES:
            (commands / name).write_text("", encoding="utf-8")
        for path in (self.folder, self.reports, commands, *commands.iterdir()):
            os.chown(path, owner, owner)
        job = {name: f"/github/file_commands/{name}" for name in self.FILES}
        return ["--volume", f"{commands}:/github/file_commands"], {"GITHUB_ACTIONS": "true", **job}

    def assert_told(self, ran):
        self.assertEqual(ran.code, 0, ran.told)
        self.assert_rotated(ran)
        outputs = (self.folder / "commands/GITHUB_OUTPUT").read_text(encoding="utf-8")
        self.assertRegex(outputs, "(?m)^exit-code")
        self.assertRegex(outputs, "deploy")
        self.assertIn("deploy", (self.folder / "commands/GITHUB_STEP_SUMMARY").read_text(encoding="utf-8"))
        # The runner hides the new value from here on.
        self.assertIn(f"::add-mask::{self.held()}\n", ran.err)

    def test_a_script_starts_it_as_the_runner_s_user(self):
        flags, job = self.commands(self.RUNNER)
        ran = self.podman(EMPTY, *ROTATE, flags=[*HARDENED, "--user", f"{self.RUNNER}:{self.RUNNER}", *flags], **job)
        self.assert_told(ran)

    def test_a_docker_step_starts_it_as_root_in_the_workspace(self):
        flags, job = self.commands(0)
        flags += ["--user", "0", "--volume", f"{self.folder}:/github/workspace", "--workdir", "/github/workspace"]
        ran = self.podman(EMPTY, *ROTATE, flags=flags, GITHUB_WORKSPACE="/github/workspace", **job)
        self.assert_told(ran)
