"""Inputs: what makes no sense is refused before anything runs, and what looks like a shell's business is only text."""

from estate import Estate
from project import component, include

WRONG = {
    "config": ["", "-v", "/etc/tokenwheel.yml", "a b.yml", "$(touch x).yml", "a.yml\nb"],
    "command": ["", "supply", "rotate --all", "rotate\n"],
    "image": ["", "an image", "image;touch x", "-v"],
    "environment": ["", "$(touch x)", "a'b", "/"],
    "resource-group": ["", "$(touch x)"],
    "verbose": ["yes", True, "true\n"],
    "job-prefix": ["", "A", "a:b", "a b", "$x"],
    "only": ['a"b', "a'b", "$GITLAB_REFRESHER", "`touch x`", "a\\b", "a\nb", 'x" == "x', "a;b", "a|b"],
    "all": ["yes", "$x"],
    "reason": ["$GITLAB_REFRESHER", "a $ b"],
    "revoke-now": ["1", "TRUE"],
    "max": ["-1", "a", "1 2", "$x"],
}
# What a person in a hurry, or somebody worse, may type as a reason.
REASONS = [
    "`touch intruder`",
    "\"; touch intruder; echo \"",
    "'; touch intruder; echo '",
    "a line\ntouch intruder\n",
    "\\\"; touch intruder #",
    "a && touch intruder || touch intruder & touch intruder | touch intruder > intruder",
    "--all --only nightly",
    "-vv",
    "ümläut 🔑 <script>alert(1)</script> | a | table |",
]


class Inputs(Estate):
    def test_what_makes_no_sense_is_refused_before_anything_runs(self):
        for made in (include, component):
            for name, values in WRONG.items():
                for value in values if made is include else values[:1]:
                    with self.subTest(name=name, value=value):
                        why = self.project(made(**{name: value})).refused()
                        self.assertIsNotNone(why)
                        self.assertIn(f"`{name}`", why)

    def test_names_of_every_make_are_taken(self):
        names = "deploy[acme/app], opa-agent,das.refresher,user@example.com,a+b,_x:y"
        project = self.project(include(only=names, reason="it's \"theirs\" & ours"))
        self.assertIn("tokenwheel:emergency", project.jobs("web"))

    def test_a_reason_is_text_and_nothing_else(self):
        for reason in REASONS:
            with self.subTest(reason=reason):
                before = self.held("NIGHTLY_BOT")
                project = self.project(include(only="nightly", reason=reason))
                ran = project.run("web", "tokenwheel:emergency")
                self.assert_ended(ran, "tokenwheel:emergency", "PASS")
                self.assertEqual([path.name for path in project.folder.rglob("*intruder*")], [])
                self.assertNotEqual(self.held("NIGHTLY_BOT"), before)
                self.assertEqual(self.held("DEPLOY_BOT"), self.deploy)
                self.assert_no_value(project, ran)

    def test_a_variable_of_the_pipeline_is_text_too(self):
        for only in ("nightly; touch intruder", "$(touch intruder)", "--all", "nightly\ntouch intruder"):
            with self.subTest(only=only):
                project = self.project(include())
                pressed = {"TOKENWHEEL_ONLY": only.replace("$", "$$"), "TOKENWHEEL_REASON": "x"}
                ran = project.run("web", "tokenwheel:emergency", variables=pressed)
                self.assert_ended(ran, "tokenwheel:emergency", "FAIL")
                self.assertEqual([path.name for path in project.folder.rglob("*intruder*")], [])
                self.assertEqual(self.changes(), [])

    def test_a_reason_that_a_variable_was_put_into_gives_no_value_away(self):
        # GitLab puts the values of variables into a variable of the pipeline, wherever a `$` asks for one.
        pressed = {"TOKENWHEEL_ONLY": "nightly", "TOKENWHEEL_REASON": "see $GITLAB_REFRESHER"}
        project = self.project(include())
        ran = project.run("web", "tokenwheel:emergency", variables=pressed)
        self.assertIsNotNone(ran.ended("tokenwheel:emergency"))
        self.assert_no_value(project, ran)
