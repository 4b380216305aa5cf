"""The workflow for pull requests, which has no credential."""

from stage import Wheel


class Check(Wheel):
    def setUp(self):
        super().setUp()
        self.workflow("tokenwheel-check")

    def propose(self, before, after):
        """A pull request that changes the config from one to another."""
        base = self.commit(**({"tokenwheel.yml": before} if before else {}))
        self.git("checkout", "--quiet", "-b", "change")
        self.commit(**{"tokenwheel.yml": after})
        return self.act("pull_request", payload={"pull_request": {"base": {"sha": base}, "head": {"ref": "change"}}})

    def test_the_first_config_is_checked_without_any_credential(self):
        ran = self.propose(None, self.config)
        self.passes(ran)
        self.assertIn("the config is sound", ran.text)
        self.assertIn("does not exist: everything is new", ran.text)
        self.assertEqual(ran.outputs()["exit-code"], "0")

    def test_a_change_is_said_in_meaning_beside_the_step_and_on_its_page(self):
        """Against the branch that it would go to, and not against itself."""
        config = self.config.replace(f'url: "{self.styra["url"]}"', "url: https://styra.example.com")
        self.assertNotEqual(config, self.config)
        ran = self.propose(self.config, config.replace("name: OPA", "name: OPA2"))
        self.passes(ran)
        self.assertIn("differences from before/tokenwheel.yml", ran.text)
        warnings = "\n".join(ran.commands("warning"))
        self.assertIn("env:DAS_REFRESHER would be sent to https://styra.example.com", warnings)
        self.assertIn("OPA2", warnings)
        self.assertIn("### tokenwheel check", ran.text)

    def test_a_change_of_nothing_warns_of_nothing(self):
        ran = self.propose(self.config, self.config + "# a word\n")
        self.passes(ran)
        self.assertEqual(ran.commands("warning") + ran.commands("error"), [])

    def test_a_config_that_cannot_be_kept_fails_and_says_why(self):
        ran = self.propose(self.config, self.config.replace("ttl: 2d", "ttl: 5h"))
        self.fails(ran, "opa-agent")
        self.assertEqual(ran.outputs()["exit-code"], "2")

    def test_a_secret_in_the_config_is_refused(self):
        ran = self.propose(self.config, self.config.replace("env:DAS_REFRESHER", "made-up-0123456789abcdef"))
        self.fails(ran, "nothing was attempted")
        self.assertNotIn("made-up-0123456789abcdef", ran.text)
