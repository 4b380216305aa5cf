"""Merge requests: the config is checked without any credential, and compared with what it was before."""

import subprocess

from estate import Estate
from project import component, include

NEW = "does not exist: everything is new"


class MergeRequests(Estate):
    def run_check(self, project, base, **more):
        """The pipeline of a merge request, which GitLab gives no protected variable."""
        project.keep({}, "*")
        variables = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base} | more
        ran = project.run("merge_request_event", variables=variables, protected=False)
        self.assertEqual(self.witness.asked, [], str(ran))
        return ran

    def test_a_change_is_compared_with_the_config_that_was_there(self):
        for made in (include(), component()):
            project = self.project(made)
            base = project.git("rev-parse", "HEAD")
            # The credentials go to another host: what a reviewer must not miss.
            moved = self.config.replace(self.witness.url, "https://gitlab.elsewhere.example")
            project.write("tokenwheel.yml", moved)
            project.commit()
            ran = self.run_check(project, base)
            self.assert_ended(ran, "tokenwheel:base", "PASS")
            self.assertNotIn(NEW, ran.text)
            kept = project.kept("tokenwheel:base") / "tokenwheel-base" / "tokenwheel.yml"
            self.assertEqual(kept.read_text(), self.config)
            self.assert_ended(ran, "tokenwheel:check", "PASS")
            report = (project.kept("tokenwheel:check") / "tokenwheel-report" / "report.md").read_text()
            for told in (ran.text, report):
                self.assertIn("gitlab.elsewhere.example", told)

    def test_no_change_is_no_news(self):
        project = self.project(include())
        ran = self.run_check(project, project.git("rev-parse", "HEAD"))
        self.assert_ended(ran, "tokenwheel:base", "PASS")
        self.assert_ended(ran, "tokenwheel:check", "PASS")
        self.assertIn("nothing differs in meaning", ran.text)

    def test_what_the_config_includes_is_compared_too_and_nothing_else_is_kept(self):
        project = self.project(include())
        project.write("tokens/team.yml", "tokens: {}\n")
        project.write("program.txt", "not ours\n")
        base = project.commit()
        ran = self.run_check(project, base)
        self.assert_ended(ran, "tokenwheel:base", "PASS")
        kept = project.kept("tokenwheel:base")
        told = sorted(str(path.relative_to(kept / "tokenwheel-base")) for path in kept.rglob("*") if path.is_file())
        self.assertEqual(told, [".gitlab-ci.yml", "tokens/team.yml", "tokenwheel.yml"])

    def test_the_first_config_is_checked_by_itself(self):
        project = self.project(include())
        project.git("rm", "--quiet", "--cached", "tokenwheel.yml")
        project.git("commit", "--quiet", "--message", "Before")
        base = project.git("rev-parse", "HEAD")
        project.commit()
        ran = self.run_check(project, base)
        self.assert_ended(ran, "tokenwheel:base", "PASS")
        self.assert_ended(ran, "tokenwheel:check", "PASS")
        self.assertIn(NEW, ran.text)

    def test_a_base_that_cannot_be_had_is_a_warning_and_the_check_goes_on(self):
        for base in ("0" * 40, "", "--help", "main; touch intruder"):
            project = self.project(include())
            ran = self.run_check(project, base)
            self.assert_ended(ran, "tokenwheel:base", "WARN")
            self.assert_ended(ran, "tokenwheel:check", "PASS")
            self.assertIn(NEW, ran.text)
            self.assertEqual(list(project.folder.rglob("*intruder*")), [])

    def test_a_config_that_cannot_be_kept_is_red(self):
        project = self.project(include(), self.config.replace("ttl: 30d", "ttl: 30 fortnights"))
        ran = self.run_check(project, project.git("rev-parse", "HEAD"))
        self.assert_ended(ran, "tokenwheel:check", "FAIL")
        self.assertIn("tokenwheel.yml:", ran.text)

    def test_a_branch_that_has_gone_on_is_compared_with_where_it_began(self):
        project = self.project(include())
        base = project.git("rev-parse", "HEAD")
        for number in range(30):
            project.git("commit", "--quiet", "--allow-empty", "--message", f"Commit {number}")
        shallow = subprocess.run(["git", "-C", str(project.folder), "log", "--oneline"], capture_output=True, check=True)
        self.assertGreater(len(shallow.stdout.splitlines()), 30)
        ran = self.run_check(project, base)
        self.assert_ended(ran, "tokenwheel:base", "PASS")
        self.assertNotIn(NEW, ran.text)
