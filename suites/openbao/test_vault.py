"""What tokenwheel does to a real OpenBao, as hvac sees it."""

import os
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import hvac
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = "root-of-a-development-server"
WHOLE = 'path "secret/data/ci/*" { capabilities = ["create", "read", "update"] }'
BLIND = 'path "secret/data/ci/*" { capabilities = ["patch"] }\npath "secret/subkeys/ci/*" { capabilities = ["read"] }'
READS = 'path "secret/data/ci/*" { capabilities = ["read"] }'
PLACE = "{ kind: vault/kv, path: ci/app, key: token }"
CONFIG = """version: 1
every: 1h
connections:
  vault: {{ service: vault, url: "{url}", token: env:VAULT_CREDENTIAL{keys} }}
tokens:
  shared:
    issuer: {{ kind: random/secret, name: orders, form: whsec, ttl: 30d, create: true }}
    destinations: [{place}]
ledger: {{ kind: file, path: ledger.json }}
"""


class Case(unittest.TestCase):
    """Each test has a secret of its own making; the server is shared."""

    @classmethod
    def setUpClass(cls):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cls.url = f"http://127.0.0.1:{port}"
        cls.home = tempfile.TemporaryDirectory()
        cls.server = subprocess.Popen(
            [os.environ["OPENBAO_BINARY"], "server", "-dev", f"-dev-root-token-id={ROOT}",
             f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"HOME": cls.home.name, "PATH": os.environ["PATH"]},
        )
        cls.hvac = hvac.Client(url=cls.url, token=ROOT)
        for _ in range(100):
            try:
                if cls.hvac.sys.is_initialized():
                    break
            except OSError:
                pass
            time.sleep(0.1)
        for name, policy in (("whole", WHOLE), ("blind", BLIND), ("reads", READS)):
            cls.hvac.sys.create_or_update_policy(name, policy)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait(timeout=30)
        cls.home.cleanup()

    def setUp(self):
        self.hvac.secrets.kv.v2.create_or_update_secret("ci/app", {"token": "the-old-value", "user": "robot"})
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def login(self, policy, **more):
        return self.hvac.auth.token.create(policies=[policy], **more)["auth"]["client_token"]

    def held(self):
        return self.hvac.secrets.kv.v2.read_secret_version("ci/app", raise_on_deleted_version=True)["data"]

    def rotate(self, credential, keys="", place=PLACE):
        config = CONFIG.format(url=self.url, keys=keys, place=place)
        Path(self.folder.name, "tokenwheel.yml").write_text(config)
        command = [os.environ["TOKENWHEEL_BINARY"], "rotate", "--force", "--only", "shared", "--reason", "a test"]
        ran = subprocess.run(
            command, cwd=self.folder.name, env={"VAULT_CREDENTIAL": credential}, capture_output=True, text=True, check=False
        )
        said = ran.stdout + ran.stderr
        self.assertNotIn(self.held()["data"]["token"], said)
        self.assertNotIn(credential, said)
        return ran.returncode, said

    def test_one_key_is_written_and_the_others_are_kept(self):
        before = self.held()["metadata"]["version"]
        code, said = self.rotate(self.login("whole"))
        self.assertEqual(code, 0, said)
        after = self.held()
        self.assertTrue(after["data"]["token"].startswith("whsec_"), said)
        self.assertEqual((after["data"]["user"], after["metadata"]["version"]), ("robot", before + 1))

    def test_where_it_may_not_be_read_the_key_is_patched_and_the_version_is_the_witness(self):
        code, said = self.rotate(self.login("blind"))
        self.assertEqual(code, 0, said)
        self.assertIn("bears the stamp of the delivery", said)
        after = self.held()["data"]
        self.assertEqual((after["token"][:6], after["user"]), ("whsec_", "robot"))

    def test_a_policy_that_does_not_allow_the_write_is_found_out_before(self):
        code, said = self.rotate(self.login("reads"))
        self.assertNotEqual(code, 0)
        self.assertIn("the policy lacks `update`", said)
        self.assertEqual(self.held()["data"]["token"], "the-old-value")

    def test_a_revoked_token_is_refused_with_403_and_said_to_be_dead(self):
        token = self.login("whole")
        self.hvac.revoke_token(token)
        code, said = self.rotate(token)
        self.assertNotEqual(code, 0)
        self.assertIn("HTTP 403", said)
        self.assertEqual(self.held()["data"]["token"], "the-old-value")

    def test_an_engine_of_version_1_is_not_written_to(self):
        self.hvac.sys.enable_secrets_engine("kv", path="old", options={"version": "1"})
        place = "{ kind: vault/kv, mount: old, path: app, key: token, create: true }"
        code, said = self.rotate(ROOT, place=place)
        self.assertNotEqual(code, 0)
        self.assertIn("the engine there is not KV version 2", said)
        with self.assertRaises(hvac.exceptions.InvalidPath):
            self.hvac.secrets.kv.v1.read_secret("data/app", mount_point="old")

    def test_a_secret_that_was_deleted_is_made_anew(self):
        self.hvac.secrets.kv.v2.delete_latest_version_of_secret("ci/app")
        place = PLACE.replace("key: token", "key: token, create: true")
        code, said = self.rotate(self.login("whole"), place=place)
        self.assertEqual(code, 0, said)
        self.assertEqual(set(self.held()["data"]), {"token"})

    def test_the_identity_of_a_job_opens_a_session_that_ends_with_the_run(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.hvac.sys.enable_auth_method("jwt")
        self.hvac.write("auth/jwt/config", jwt_validation_pubkeys=[public.decode()])
        self.hvac.write(
            "auth/jwt/role/tokenwheel", role_type="jwt", user_claim="sub", bound_audiences=["vault"],
            bound_claims={"project_path": "acme/app"}, token_policies=["whole"], token_ttl="20m",
        )
        now = int(time.time())
        claims = {"sub": "acme/app:main", "aud": "vault", "project_path": "acme/app", "iat": now, "exp": now + 300}
        keys = ", login: { jwt: { role: tokenwheel } }"
        code, said = self.rotate(jwt.encode(claims, key, algorithm="RS256"), keys)
        self.assertEqual(code, 0, said)
        self.assertTrue(self.held()["data"]["token"].startswith("whsec_"))
        accessors = self.hvac.list("auth/token/accessors")["data"]["keys"]
        paths = [self.hvac.auth.token.lookup_accessor(accessor)["data"]["path"] for accessor in accessors]
        self.assertNotIn("auth/jwt/login", paths, "the session was left open")

        foreign = jwt.encode({**claims, "project_path": "acme/other"}, key, algorithm="RS256")
        code, said = self.rotate(foreign, keys)
        self.assertNotEqual(code, 0)
        self.assertIn("does not let this identity log in as role tokenwheel", said)


if __name__ == "__main__":
    unittest.main()
