"""Starts an OpenBao, and runs tokenwheel over it."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest

import hvac
import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = "root-of-the-test"
POLICY = """
path "secret/data/app/*" { capabilities = ["read", "update"] }
path "secret/subkeys/app/*" { capabilities = ["read"] }
path "secret/data/wheel" { capabilities = ["read"] }
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Case(unittest.TestCase):
    """Each class of tests has a server of its own: a KV engine, a narrow policy, and a login by signed identity."""

    @classmethod
    def setUpClass(cls):
        port = free_port()
        cls.url = f"http://127.0.0.1:{port}"
        cls.home = tempfile.TemporaryDirectory()
        cls.server = subprocess.Popen(
            [os.environ["BAO"], "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ROOT}",
             f"-dev-listen-address=127.0.0.1:{port}"],
            env={"HOME": cls.home.name, "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        cls.root = hvac.Client(url=cls.url, token=ROOT)
        for _ in range(200):
            try:
                if not cls.root.sys.is_sealed():
                    break
            except requests.RequestException:
                pass
            time.sleep(0.1)
        cls.root.sys.create_or_update_policy("wheel", POLICY)
        cls.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = cls.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        cls.root.sys.enable_auth_method("jwt")
        cls.root.auth.jwt.configure(jwt_validation_pubkeys=[public.decode()], bound_issuer="https://gitlab.example.com")
        cls.root.auth.jwt.create_role(
            name="tokenwheel", role_type="jwt", user_claim="sub", allowed_redirect_uris=[],
            bound_audiences=["vault"], bound_claims={"project_path": "acme/tokenwheel"}, token_policies=["wheel"],
            token_ttl="10m",
        )

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait(timeout=30)
        cls.home.cleanup()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def identity(self, project="acme/tokenwheel"):
        """What GitLab signs for a job that asks for it with `id_tokens:`."""
        now = int(time.time())
        claims = {"iss": "https://gitlab.example.com", "aud": "vault", "sub": f"project_path:{project}:ref:main",
                  "project_path": project, "iat": now, "nbf": now - 5, "exp": now + 300}
        return jwt.encode(claims, self.key, algorithm="RS256")

    def narrow(self):
        """A token that may do what the policy says and nothing else."""
        return self.root.auth.token.create(policies=["wheel"], no_default_policy=False, ttl="48h")["auth"]["client_token"]

    def put(self, path, secret):
        self.root.secrets.kv.v2.create_or_update_secret(path=path, secret=secret)

    def get(self, path):
        return self.root.secrets.kv.v2.read_secret_version(path=path, raise_on_deleted_version=True)["data"]

    def run_wheel(self, config, environment, *args):
        """Runs the binary with nothing else in its environment; gives its exit code and all that it printed."""
        folder = pathlib.Path(self.folder.name)
        (folder / "tokenwheel.yml").write_text(config)
        ran = subprocess.run(
            [os.environ["TOKENWHEEL_BINARY"], *args], cwd=folder, env=environment, capture_output=True, text=True,
            timeout=60, stdin=subprocess.DEVNULL,
        )
        return ran.returncode, ran.stdout + ran.stderr


class Sandbox:
    """The sandbox on loopback, for the services besides."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [os.environ["TOKENWHEEL_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return json.loads(self.process.stdout.readline())

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()
