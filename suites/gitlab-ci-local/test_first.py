"""The page's first rotation, as a new user does it: the pasted file, the config as it stands there, one variable."""

import re

from estate import Estate
from project import ROOT


class First(Estate):
    def refresher(self):
        """The one secret of the page, and the token that is there already."""
        self.ask("DELETE", "projects/acme%2Fapp/variables/GITLAB_REFRESHER")
        refresher = self.personal_token("tokenwheel-refresher")
        self.hold("GITLAB_REFRESHER", refresher, scope="tokenwheel")
        self.ask("PUT", "projects/acme%2Fapp/variables/DEPLOY_TOKEN", {"value": self.deploy})
        return refresher

    def here(self, text):
        """The sandbox has one project, and is not where the page says."""
        for said, meant in (("https://gitlab.example.com", self.witness.url), ("acme/tokenwheel", "acme/app")):
            self.assertIn(said, text)
            text = text.replace(said, meant)
        return text

    def assert_turns(self, source, pipeline, config):
        """The first run takes over what lives, and an emergency turns it."""
        refresher = self.refresher()
        project = self.project(pipeline, config)
        project.keep({"GITLAB_REFRESHER": refresher}, "tokenwheel")
        first = project.run(source)
        self.assert_ended(first, "tokenwheel:rotate", "PASS")
        self.assertEqual(self.held("DEPLOY_TOKEN"), self.deploy)

        pressed = {"TOKENWHEEL_ONLY": "deploy", "TOKENWHEEL_REASON": "to see it turn"}
        second = project.run("web", "tokenwheel:emergency", variables=pressed)
        self.assert_ended(second, "tokenwheel:emergency", "PASS")
        self.assertNotEqual(self.held("DEPLOY_TOKEN"), self.deploy)
        self.assertEqual(self.held("GITLAB_REFRESHER"), refresher)
        self.assert_no_value(project, second)

    def test_the_first_rotation_of_the_page(self):
        page = (ROOT / "docs" / "gitlab.md").read_text()
        block = re.search(r"^   ```yaml\n(.*?)^   ```", page, re.DOTALL | re.MULTILINE).group(1)
        config = self.here(re.sub("^   ", "", block, flags=re.MULTILINE))
        self.assert_turns("web", (ROOT / "examples" / "gitlab" / "minimal.yml").read_text(), config)

    def test_a_first_rotation_with_one_file_and_one_secret(self):
        pipeline = self.here((ROOT / "examples" / "gitlab" / "quick-start.yml").read_text())
        # What the harness writes is no config: the pipeline's own takes its place.
        self.assert_turns("schedule", pipeline, "version: none\n")
