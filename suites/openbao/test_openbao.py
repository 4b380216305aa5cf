"""What tokenwheel does to a KV engine, seen by hvac."""

import hvac

from server import Case, Sandbox

CONFIG = """
version: 1
every: 12h
connections:
  vault: {{ service: vault, url: "{url}", token: env:VAULT{login} }}
tokens:
  shared:
    issuer: {{ kind: random/secret, name: shared, ttl: 30d }}
    destinations: [{{ kind: vault/kv, path: app/web, key: signing }}]
ledger: {{ kind: file, path: ledger.json }}
"""
JWT = ", login: { jwt: { role: tokenwheel } }"
BEFORE = {"signing": "from-before-0123456789", "theirs": "stays"}


class Delivers(Case):
    def setUp(self):
        super().setUp()
        self.put("app/web", BEFORE)

    def config(self, login=""):
        return CONFIG.format(url=self.url, login=login)

    def force(self, config, value):
        return self.run_wheel(
            config, {"VAULT": value}, "rotate", "--only", "shared", "--force", "--reason", "a test asks for it"
        )

    def test_one_key_is_written_and_its_siblings_stay(self):
        version = self.get("app/web")["metadata"]["version"]
        code, printed = self.force(self.config(), self.narrow())
        self.assertEqual(code, 0, printed)
        after = self.get("app/web")
        self.assertNotEqual(after["data"]["signing"], BEFORE["signing"])
        self.assertEqual(after["data"]["theirs"], "stays")
        self.assertEqual(after["metadata"]["version"], version + 1)
        self.assertNotIn(after["data"]["signing"], printed)
        # The next run sees it there, and writes nothing.
        code, printed = self.run_wheel(self.config(), {"VAULT": self.narrow()}, "rotate")
        self.assertEqual(code, 0, printed)
        self.assertEqual(self.get("app/web")["metadata"]["version"], version + 1)

    def test_the_job_logs_in_with_its_own_identity_and_ends_its_session(self):
        def sessions():
            return set(self.root.list("auth/token/accessors")["data"]["keys"])

        before = sessions()
        code, printed = self.force(self.config(JWT), self.identity())
        self.assertEqual(code, 0, printed)
        self.assertNotEqual(self.get("app/web")["data"]["signing"], BEFORE["signing"])
        self.assertEqual(sessions(), before)

    def test_another_projects_identity_is_refused_and_nothing_is_written(self):
        version = self.get("app/web")["metadata"]["version"]
        code, printed = self.force(self.config(JWT), self.identity("acme/other"))
        self.assertIn(code, (2, 3, 4), printed)
        self.assertEqual(self.get("app/web")["metadata"]["version"], version)

    def test_a_token_without_rights_there_is_refused_before_anything_is_made(self):
        poor = self.root.auth.token.create(policies=["default"], ttl="1h")["auth"]["client_token"]
        version = self.get("app/web")["metadata"]["version"]
        code, printed = self.force(self.config(), poor)
        self.assertNotEqual(code, 0, printed)
        self.assertEqual(self.get("app/web")["metadata"]["version"], version)

    def test_a_bad_token_is_403_there_and_is_told_as_dead(self):
        code, printed = self.force(self.config(), "s.nobodyknowsthisone0000000")
        self.assertEqual(code, 2, printed)
        with self.assertRaises(hvac.exceptions.Forbidden):
            hvac.Client(url=self.url, token="s.nobodyknowsthisone0000000").auth.token.lookup_self()


class Lends(Case):
    def test_a_refresher_that_stands_in_the_vault_alone_logs_in(self):
        with Sandbox() as world:
            github = world["github"]
            self.put("wheel", {"github": github["seeded"]["tokens"]["fine_grained"]})
            config = f"""
version: 1
every: 12h
connections:
  vault: {{ service: vault, url: "{self.url}", token: env:VAULT{JWT} }}
  github: {{ service: github, url: "{github["url"]}", token: "vault:wheel#github" }}
tokens:
  shared:
    issuer: {{ kind: random/secret, name: shared, ttl: 30d, create: true }}
    destinations: [{{ kind: github/actions-secret, repository: acme/app, name: SHARED, create: {{}} }}]
ledger: {{ kind: file, path: ledger.json }}
"""
            code, printed = self.run_wheel(config, {"VAULT": self.identity()}, "check")
            self.assertNotEqual(code, 2, printed)
            code, printed = self.run_wheel(
                config, {"VAULT": self.identity()}, "rotate", "--only", "shared", "--force", "--reason", "a test"
            )
            self.assertEqual(code, 0, printed)
            # A key that is not there is named.
            code, printed = self.run_wheel(
                config.replace("wheel#github", "wheel#gitlab"), {"VAULT": self.identity()}, "plan"
            )
            self.assertNotEqual(code, 0, printed)
            self.assertIn("has no key gitlab", printed)
