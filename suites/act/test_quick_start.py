"""The one file and one secret that docs/github.md begins with."""

import re

from stage import EXAMPLES, Wheel


class QuickStart(Wheel):
    def setUp(self):
        super().setUp()
        text = (EXAMPLES / "quick-start.yml").read_text(encoding="utf-8")
        app = self.github["seeded"]["app"]
        # What a reader fills in, and the repository that the sandbox has.
        for mine, theirs in (
            ("https://api.github.com", f'"{self.github["url"]}"'),
            ("Iv23liABCDEF12345678", '"77"'),
            ("installation: 12345678", f"installation: {app['installation']}"),
            ("acme/infra", "acme/app"),
        ):
            self.assertIn(mine, text)
            text = text.replace(mine, theirs)
        self.workflow("tokenwheel", text)
        self.commit()
        del self.secrets["DAS_REFRESHER"]

    def test_the_first_scheduled_run_makes_the_key_and_the_second_leaves_it_alone(self):
        ran = self.act("schedule", secrets=self.secrets)
        self.passes(ran)
        self.assertEqual(ran.outputs()["rotated"], "app-deploy-key")
        self.assertRegex(ran.text, r"app-deploy-key: confirm: 1 of 1")
        self.assertIn("APP_DEPLOY_KEY: bears the stamp of the delivery", ran.text)
        # The ledger has a place of its own that outlives the job.
        self.assertIsNotNone(self.variable("TOKENWHEEL_LEDGER"))
        again = self.act("schedule", secrets=self.secrets)
        self.passes(again)
        self.assertEqual(again.outputs()["rotated"], "")

    def test_the_button_of_the_same_file_does_the_same(self):
        ran = self.act("workflow_dispatch", secrets=self.secrets)
        self.passes(ran)
        self.assertEqual(ran.outputs()["rotated"], "app-deploy-key")

    def test_without_the_secret_nothing_is_attempted_and_it_is_named(self):
        ran = self.act("schedule", secrets={})
        self.fails(ran, "WHEEL_APP_KEY")
        self.assertEqual(ran.outputs()["exit-code"], "2")

    def test_it_needs_nothing_but_the_one_secret(self):
        text = (EXAMPLES / "quick-start.yml").read_text(encoding="utf-8")
        self.assertEqual(set(re.findall(r"secrets\.(\w+)", text)), {"WHEEL_APP_KEY"})
        self.assertNotIn("checkout", text)
