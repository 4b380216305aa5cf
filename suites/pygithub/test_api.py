"""What PyGithub does to a repository."""

import github

from sandbox import Case


class Secrets(Case):
    def test_a_secret_sealed_by_the_client_is_taken_and_its_time_moves(self):
        repository = self.repository()
        before = repository.get_secret("DEPLOY_TOKEN").updated_at
        repository.create_secret("DEPLOY_TOKEN", "sealed by PyNaCl")
        after = repository.get_secret("DEPLOY_TOKEN").updated_at
        self.assertGreater(after, before)
        repository.create_secret("NEW_ONE", "sealed by PyNaCl", secret_type="dependabot")
        names = [secret.name for secret in repository.get_secrets("dependabot")]
        self.assertEqual(names, ["NEW_ONE"])
        self.assertTrue(repository.delete_secret("NEW_ONE", "dependabot"))
        self.assertEqual(list(repository.get_secrets("dependabot")), [])

    def test_the_token_of_a_job_is_refused_as_an_integration(self):
        error = self.refused(403, self.repository("job").create_secret, "DEPLOY_TOKEN", "value")
        self.assertIn("Resource not accessible by integration", str(error))

    def test_a_token_that_nobody_knows_is_refused(self):
        stranger = self.client(github.Auth.Token("ghp_nobody"))
        self.refused(401, lambda: stranger.get_user().login)


class Variables(Case):
    def test_a_variable_is_made_changed_and_removed(self):
        repository = self.repository()
        self.assertEqual(repository.get_variable("STAGE").value, "production")
        self.refused(409, repository.create_variable, "STAGE", "again")
        made = repository.create_variable("EXPIRY", "soon")
        self.assertTrue(made.edit("later"))
        self.assertEqual(repository.get_variable("EXPIRY").value, "later")
        self.assertEqual(sorted(variable.name for variable in repository.get_variables()), ["EXPIRY", "STAGE"])
        self.assertTrue(repository.delete_variable("EXPIRY"))
        self.refused(404, lambda: repository.get_variable("EXPIRY").value)


class Hooks(Case):
    def test_a_hook_shows_stars_and_loses_a_secret_that_is_not_sent_again(self):
        hook = self.repository().get_hook(self.seeded["hook"])
        self.assertEqual(hook.config["secret"], "********")
        hook.ping()
        hook.edit("web", {"url": "https://receiver.example/hook", "content_type": "json"}, events=["push"])
        again = self.repository().get_hook(self.seeded["hook"])
        self.assertEqual((again.config.get("secret"), again.events), (None, ["push"]))


class Apps(Case):
    def test_a_key_that_the_client_signs_with_opens_an_installation(self):
        app = self.seeded["app"]
        auth = github.Auth.AppAuth(app["id"], app["key"]).get_installation_auth(app["installation"])
        repository = self.client(auth).get_repo("acme/app")
        self.assertEqual(repository.get_variable("STAGE").value, "production")
