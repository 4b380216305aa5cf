"""What the jobs do: tokens turn in the sandbox, reports are kept, and the exit codes have the colours they should."""

import junitparser
import yaml

from estate import Estate
from project import component, include

NEXT = """
after:
  needs: ["tokenwheel:rotate"]
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
  script:
    - echo "seen code=$TOKENWHEEL_EXIT_CODE rotated=$TOKENWHEEL_ROTATED risk=$TOKENWHEEL_AT_RISK due=$TOKENWHEEL_NEXT_DUE"
"""
REPORT = "tokenwheel-report"
# Of a key whose private half nobody kept.
RECIPIENT = "age19ggd2mqpf9awyurvt3lxumuaqgph95yma3dv9rnk42n84x7jpp7spsh050"


class Turns(Estate):
    def assert_report(self, project, job, tokens):
        """The artifacts exist, are what GitLab reads, and speak of these tokens."""
        folder = project.kept(job) / REPORT
        told = {path.name for path in folder.iterdir()}
        self.assertEqual(told, {"report.md", "report.json", "junit.xml", "metrics.txt", "outputs.env"})
        cases = [case for suite in junitparser.JUnitXml.fromfile(str(folder / "junit.xml")) for case in suite]
        self.assertEqual({case.name for case in cases} & set(tokens), set(tokens))
        metrics = (folder / "metrics.txt").read_text()
        self.assertTrue(metrics.endswith("# EOF\n"), metrics)
        for line in metrics.splitlines():
            self.assertRegex(line, r'^(# (EOF|(HELP|TYPE|UNIT) .+)|[a-zA-Z_:][\w:]*(\{.*\})? -?[0-9.e+-]+)$')
        # GitLab takes neither comments nor empty lines here, and no spaces or quotes in a value.
        for line in (folder / "outputs.env").read_text().splitlines():
            self.assertRegex(line, r"""^TOKENWHEEL_[A-Z_]+=[^\s'"]*$""")
        return cases

    def test_a_schedule_turns_what_is_due_and_tells_the_jobs_after_it(self):
        for made in (include(), component()):
            with self.subTest(made=made):
                project = self.project(made + NEXT)
                ran = project.run("schedule")
                self.assert_ended(ran, "tokenwheel:rotate", "PASS")
                self.assert_ended(ran, "after", "PASS")
                self.assert_report(project, "tokenwheel:rotate", ["deploy", "nightly"])
                self.assert_no_value(project, ran)
                if made == include():
                    fresh = self.held("DEPLOY_BOT")
                    self.assertNotEqual(fresh, self.deploy)
                    self.assertTrue(self.lives(fresh))
                    self.assertFalse(self.lives(self.deploy))
                    self.assertRegex(ran.text, r"seen code=0 rotated=deploy risk= due=\d{4}-\d\d-\d\dT")
                else:
                    # The second run finds nothing to do.
                    self.assertEqual(self.held("DEPLOY_BOT"), fresh)
                    self.assertRegex(ran.text, r"seen code=0 rotated= risk= due=\d{4}-\d\d-\d\dT")
                self.assertEqual(self.held("NIGHTLY_BOT"), self.nightly)

    def test_a_variable_of_the_environment_reaches_the_job_and_one_of_another_does_not(self):
        project = self.project(include(environment="rotation"), scope="rotation")
        self.assert_ended(project.run("schedule"), "tokenwheel:rotate", "PASS")
        elsewhere = self.project(include(environment="rotation"), scope="tokenwheel")
        ran = elsewhere.run("schedule")
        self.assert_ended(ran, "tokenwheel:rotate", "FAIL")
        self.assertIn("the variable GITLAB_REFRESHER is not set", ran.text)

    def test_nothing_of_the_pipeline_around_gets_in(self):
        around = """
default:
  before_script: [touch intruder]
  after_script: [touch intruder]
  retry: 2
  interruptible: true
variables:
  TOKENWHEEL_FORCE: "true"
  TOKENWHEEL_CONFIG: other.yml
"""
        project = self.project(include() + around)
        ran = project.run("schedule")
        self.assert_ended(ran, "tokenwheel:rotate", "PASS")
        self.assertEqual(list(project.folder.rglob("intruder")), [])
        job = yaml.safe_load(project.expanded())["tokenwheel:rotate"]
        self.assertEqual((job["retry"], job["interruptible"]), (0, False))

    def test_plan_and_check_look_and_change_nothing(self):
        for command in ("plan", "check"):
            project = self.project(include(command=command))
            ran = project.run("schedule")
            self.assertEqual(self.changes(), [], ran)
            self.assertGreater(len(self.witness.asked), 3)
            self.assertIn("deploy", (project.kept("tokenwheel:rotate") / REPORT / "report.md").read_text())
            self.assertEqual(self.held("DEPLOY_BOT"), self.deploy)

    def test_an_emergency_turns_what_is_named_after_the_click_and_only_then(self):
        named = include(only="nightly", reason="it was in a log", **{"revoke-now": "true"})
        project = self.project(named)
        waiting = project.run("web")
        self.assert_ended(waiting, "tokenwheel:emergency", None)
        self.assertEqual(self.witness.asked, [])
        ran = project.run("web", "tokenwheel:emergency")
        self.assert_ended(ran, "tokenwheel:emergency", "PASS")
        self.assertNotEqual(self.held("NIGHTLY_BOT"), self.nightly)
        self.assertFalse(self.lives(self.nightly))
        # What is due but was not named is left to the schedule.
        self.assertEqual(self.held("DEPLOY_BOT"), self.deploy)
        self.assert_report(project, "tokenwheel:emergency", ["nightly"])
        self.assertIn("it was in a log", (project.kept("tokenwheel:emergency") / REPORT / "report.md").read_text())
        self.assert_no_value(project, ran)

    def test_an_emergency_by_variables_of_the_pipeline(self):
        pressed = {"TOKENWHEEL_ONLY": "nightly", "TOKENWHEEL_REASON": "by variables", "TOKENWHEEL_ALL": "false"}
        project = self.project(include())
        ran = project.run("web", "tokenwheel:emergency", variables=pressed)
        self.assert_ended(ran, "tokenwheel:emergency", "PASS")
        self.assertNotEqual(self.held("NIGHTLY_BOT"), self.nightly)

    def test_an_emergency_without_a_reason_or_with_an_unknown_name_is_red_and_nothing_happens(self):
        for inputs, told in (({"only": "nightly"}, "needs a --reason"), ({"only": "nigthly", "reason": "x"}, "no token")):
            project = self.project(include(**inputs))
            ran = project.run("web", "tokenwheel:emergency")
            self.assert_ended(ran, "tokenwheel:emergency", "FAIL")
            self.assertIn(told, ran.text)
            self.assertEqual(self.changes(), [], ran)

    def test_what_is_left_to_the_next_run_is_a_warning_on_a_schedule_and_red_in_an_emergency(self):
        until = (self.now.replace(microsecond=0)).isoformat().replace("+00:00", "Z")
        later = until.replace(until[:4], str(int(until[:4]) + 1), 1)
        claim = '{"holder":"https://gitlab.example.com/jobs/7","nonce":"another","until":"%s"}' % later
        body = {"key": "TOKENWHEEL_LEDGER_LEASE", "value": claim, "raw": True}
        self.ask("POST", "projects/acme%2Fapp/variables", body)
        project = self.project(include())
        ran = project.run("schedule")
        self.assert_ended(ran, "tokenwheel:rotate", "WARN")
        self.assertIn("https://gitlab.example.com/jobs/7", ran.text)
        project = self.project(include(only="nightly", reason="it leaked"))
        ran = project.run("web", "tokenwheel:emergency")
        self.assert_ended(ran, "tokenwheel:emergency", "FAIL")
        self.assertEqual(self.held("NIGHTLY_BOT"), self.nightly)

    def test_a_token_at_risk_is_red_and_its_report_is_kept(self):
        self.ask("DELETE", "projects/acme%2Fapp/variables/DEPLOY_BOT")
        dying = self.config.replace("every: 12h", "every: 4d")
        project = self.project(include() + NEXT, dying)
        ran = project.run("schedule")
        self.assert_ended(ran, "tokenwheel:rotate", "FAIL")
        cases = self.assert_report(project, "tokenwheel:rotate", ["deploy"])
        ill = (junitparser.Failure, junitparser.Error)
        failed = [case.name for case in cases if any(isinstance(one, ill) for one in case.result)]
        self.assertEqual(failed, ["deploy"])
        outputs = (project.kept("tokenwheel:rotate") / REPORT / "outputs.env").read_text()
        self.assertRegex(outputs, r"TOKENWHEEL_EXIT_CODE=4\n(.*\n)*TOKENWHEEL_AT_RISK=.*deploy")
        self.assert_no_value(project, ran)

    def test_a_value_that_could_not_be_delivered_is_kept_sealed_and_nowhere_else(self):
        sealed = f"{self.config}\nrescue: {{ recipients: [{RECIPIENT}] }}\n"
        project = self.project(include(config="wheels/main.yml"))
        project.write("wheels/main.yml", sealed)
        project.commit()
        self.witness.refuses = "/variables/DEPLOY_BOT"
        ran = project.run("schedule")
        self.assert_ended(ran, "tokenwheel:rotate", "FAIL")
        kept = sorted((project.kept("tokenwheel:rotate") / "wheels" / "rescue").iterdir())
        self.assertEqual([path.suffix for path in kept], [".age"])
        self.assertIn(b"age", kept[0].read_bytes()[:40].lower())
        # The token was made: its value passed, and is dead nowhere but in what is sealed.
        made = [value for value in self.witness.values if value.startswith("glpat") and value != self.deploy]
        self.assertGreaterEqual(len(made), 4)
        self.assert_no_value(project, ran)

    def test_a_config_that_is_wrong_is_red_and_asks_nobody(self):
        project = self.project(include(), "version: 1\ntokens: [\n")
        ran = project.run("schedule")
        self.assert_ended(ran, "tokenwheel:rotate", "FAIL")
        self.assertIn("nothing was attempted", ran.text)
        self.assertEqual(self.witness.asked, [])

    def test_the_binary_refuses_to_be_traced_where_the_rules_could_not_see_it(self):
        # As a runner's own settings do it: the variable is in the job and not in the rules.
        project = self.project(include() + '\n.tokenwheel:\n  before_script: [export CI_DEBUG_TRACE=true]\n')
        ran = project.run("schedule")
        self.assert_ended(ran, "tokenwheel:rotate", "FAIL")
        self.assertIn("CI_DEBUG_TRACE", ran.text)
        self.assertEqual(self.witness.asked, [])

    def test_told_more_a_job_still_tells_no_value(self):
        project = self.project(include(verbose="true"))
        ran = project.run("schedule")
        self.assert_ended(ran, "tokenwheel:rotate", "PASS")
        self.assertIn("/access_tokens/", ran.text)
        self.assert_no_value(project, ran)
