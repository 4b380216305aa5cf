"""The parts of a release that can be tried without one: action/release, in a copy of what it reads and writes."""

import hashlib
import os
import re
import shutil
import subprocess

from stage import ROOT, VERSION, Case

FILES = [f"tokenwheel-{machine}-unknown-linux-musl" for machine in ("aarch64", "x86_64")]
CHANGES = f"# Changes\n\n## [Unreleased]\n\n## [{VERSION}] - 2027-01-01\n\n### Added\n\n- The wheel.\n\n## [0.0.1]\n\n- Old.\n\n[{VERSION}]: x\n"


class Release(Case):
    def setUp(self):
        super().setUp()
        shutil.copy(ROOT / "Cargo.toml", self.action)
        (self.action / "CHANGELOG.md").write_text(CHANGES, encoding="utf-8")
        self.dist = self.folder / "dist"
        self.dist.mkdir()
        for file in FILES:
            (self.dist / file).write_text(f"the binary {file}", encoding="utf-8")

    def run_part(self, *arguments, **environment):
        return subprocess.run(
            ["bash", self.action / "action" / "release", *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def does(self, *arguments, **environment):
        ran = self.run_part(*arguments, **environment)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def stops(self, word, *arguments, **environment):
        ran = self.run_part(*arguments, **environment)
        self.assertEqual(ran.returncode, 1, ran.stdout)
        self.assertIn(word, ran.stderr)

    def tag(self, name):
        return {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": name}

    def test_the_tag_is_the_version_and_the_version_has_changes(self):
        output = self.folder / "output"
        self.does("version", GITHUB_OUTPUT=str(output), **self.tag(f"v{VERSION}"))
        self.assertEqual(output.read_text(encoding="utf-8"), f"version={VERSION}\n")
        self.stops("and Cargo.toml says", "version", **self.tag("v9.9.9"))
        self.stops("and Cargo.toml says", "version", **self.tag(VERSION))
        log = self.action / "CHANGELOG.md"
        log.write_text(CHANGES.replace("### Added\n\n- The wheel.\n", ""), encoding="utf-8")
        self.stops("has no changes", "version", **self.tag(f"v{VERSION}"))
        log.write_text(CHANGES.replace(f"## [{VERSION}]", "## [9.9.9]"), encoding="utf-8")
        self.stops("has no changes", "version", **self.tag(f"v{VERSION}"))
        # By hand, before there is a tag, the version is enough.
        self.does("version", GITHUB_REF_TYPE="branch", GITHUB_REF_NAME="main")

    def test_what_is_written_is_what_the_action_reads_and_what_a_second_build_is_held_against(self):
        manifest = self.action / "action" / "checksums.txt"
        head = manifest.read_text(encoding="utf-8")
        self.stops("holds no checksum", "compare", VERSION, self.dist)
        self.does("write", VERSION, self.dist)
        self.does("write", VERSION, self.dist)
        written = manifest.read_text(encoding="utf-8")
        lines = "".join(
            f"{VERSION}  {file}  {hashlib.sha256((self.dist / file).read_bytes()).hexdigest()}\n" for file in FILES
        )
        self.assertEqual(written, head + lines)
        self.does("compare", VERSION, self.dist)
        self.stops("is not what", "compare", "9.9.9", self.dist)
        (self.dist / FILES[0]).write_text("another binary", encoding="utf-8")
        self.stops("nothing is published", "compare", VERSION, self.dist)
        (self.dist / FILES[0]).unlink()
        self.stops(f"holds no {FILES[0]}", "compare", VERSION, self.dist)

    def test_the_notes_show_what_changed_and_what_to_pin(self):
        commit, empty, shelled = "c" * 40, f"sha256:{'e' * 64}", f"sha256:{'5' * 64}"
        notes = self.does("notes", VERSION, commit, empty, shelled)
        self.assertIn("- The wheel.", notes)
        self.assertNotIn("Old", notes)
        self.assertNotIn("]: x", notes)
        self.assertIn(f"uses: tokenwheel/tokenwheel@{commit} # v{VERSION}", notes)
        self.assertIn(empty, notes)
        self.assertIn(f"{VERSION}-gitlab` | `{shelled}", notes)

    def test_the_first_job_of_the_workflow_runs_as_it_stands(self):
        self.workflow("release", (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))
        shutil.copytree(self.action, self.repository, dirs_exist_ok=True)
        self.commit()
        ran = self.act("workflow_dispatch", options=["--job", "named"])
        self.passes(ran)
        self.assertEqual(ran.outputs()["version"], VERSION)

    def test_the_workflow_builds_without_rights_and_publishes_without_building(self):
        text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
        jobs = re.split(r"(?m)^  (?=\w+:$)", text.partition("\njobs:\n")[2])
        writes = {job.split(":")[0] for job in jobs if ": write" in job}
        self.assertEqual(writes, {"publish", "crate"})
        [publish] = [job for job in jobs if job.startswith("publish:")]
        self.assertNotRegex(publish, r"\bcargo\b|buildah bud|dist/tokenwheel-\S+ (demo|--version)")
        [crate] = [job for job in jobs if job.startswith("crate:")]
        self.assertRegex(crate, r"cargo publish .*--no-verify")
        self.assertIn("checksums]", publish)
        for word in ("if: github.event_name == 'push'", "environment: release"):
            self.assertIn(word, publish)
