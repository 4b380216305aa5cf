"""What a policy or an engine does not allow, and how it is found out."""

import hvac

from server import Case

CONFIG = """
version: 1
every: 1h
connections:
  vault: {{ service: vault, url: "{url}", token: env:VAULT }}
tokens:
  shared:
    issuer: {{ kind: random/secret, name: shared, ttl: 30d, create: true }}
    destinations: [{{ kind: vault/kv, {place} }}]
ledger: {{ kind: file, path: ledger.json }}
"""
BLIND = """
path "secret/data/app/*" { capabilities = ["patch"] }
path "secret/subkeys/app/*" { capabilities = ["read"] }
"""
READS = 'path "secret/data/app/*" { capabilities = ["read"] }'
BEFORE = {"signing": "from-before-0123456789", "theirs": "stays"}


class Engines(Case):
    def setUp(self):
        super().setUp()
        self.put("app/web", BEFORE)

    def may(self, policy):
        self.root.sys.create_or_update_policy("other", policy)
        return self.root.auth.token.create(policies=["other"], ttl="48h")["auth"]["client_token"]

    def force(self, value, place="path: app/web, key: signing"):
        config = CONFIG.format(url=self.url, place=place)
        return self.run_wheel(
            config, {"VAULT": value}, "rotate", "--only", "shared", "--force", "--reason", "a test asks for it"
        )

    def test_where_it_may_not_be_read_the_key_is_patched_and_the_version_is_the_witness(self):
        code, printed = self.force(self.may(BLIND))
        self.assertEqual(code, 0, printed)
        self.assertIn("bears the stamp of the delivery", printed)
        after = self.get("app/web")["data"]
        self.assertEqual(after["theirs"], "stays")
        self.assertNotEqual(after["signing"], BEFORE["signing"])

    def test_a_right_that_is_missing_is_named_before_anything_is_made(self):
        code, printed = self.force(self.may(READS))
        self.assertNotEqual(code, 0, printed)
        self.assertIn("the policy lacks `update`", printed)
        self.assertEqual(self.get("app/web")["data"], BEFORE)

    def test_an_engine_of_version_1_is_not_written_to(self):
        self.root.sys.enable_secrets_engine("kv", path="old", options={"version": "1"})
        code, printed = self.force(self.root.token, "mount: old, path: app, key: token, create: true")
        self.assertNotEqual(code, 0, printed)
        self.assertIn("the engine there is not KV version 2", printed)
        with self.assertRaises(hvac.exceptions.InvalidPath):
            self.root.secrets.kv.v1.read_secret("data/app", mount_point="old")

    def test_a_secret_that_was_deleted_is_made_anew_only_where_that_is_said(self):
        self.root.secrets.kv.v2.delete_latest_version_of_secret("app/web")
        code, printed = self.force(self.narrow())
        self.assertNotEqual(code, 0, printed)
        self.assertIn("there is no such secret", printed)
        code, printed = self.force(self.narrow(), "path: app/web, key: signing, create: true")
        self.assertIn(code, (0, 3), printed)
