"""Starts the sandbox and a Doorkeeper that knows what the sandbox's Signon knows."""

import base64
import http.client
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import urllib.parse

GARBAGE = "a-value-that-no-token-has"


def ask(url, method, path, headers=None, body=None):
    """Status, headers with small names, and body."""
    to = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(to.hostname, to.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content
    finally:
        connection.close()


class Case(unittest.TestCase):
    """Each class of tests has a sandbox and a Doorkeeper of its own, which hold the same."""

    @classmethod
    def setUpClass(cls):
        cls.sandbox = subprocess.Popen(
            [os.environ["TOKENWHEEL_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        cls.addClassCleanup(cls.end, cls.sandbox)
        world = json.loads(cls.sandbox.stdout.readline())
        cls.cluster, cls.fake = world["kubernetes"]["url"], world["signon"]["url"]
        cls.accounts, cls.seeded = world["kubernetes"]["seeded"]["accounts"], world["kubernetes"]["seeded"]["signon"]
        cls.app, cls.other = cls.seeded["applications"]
        cls.tokens = {name: one["value"] for name, one in cls.seeded["tokens"].items()}
        source = pathlib.Path(__file__).with_name("signon.rb")
        cls.rails = subprocess.Popen(
            [os.environ["RUBY"], source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        cls.addClassCleanup(cls.end, cls.rails)
        holds = {
            "applications": cls.seeded["applications"],
            "users": cls.seeded["users"],
            "tokens": list(cls.seeded["tokens"].values()),
        }
        cls.rails.stdin.write(json.dumps(holds) + "\n")
        cls.rails.stdin.flush()
        cls.real = json.loads(cls.rails.stdout.readline())["url"]

    @classmethod
    def end(cls, process):
        process.stdin.close()
        code = process.wait(timeout=30)
        process.stdout.close()
        assert code == 0, f"{process.args[0]} ended with {code}"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    @staticmethod
    def basic(app, secret=None):
        pair = f"{app['id']}:{secret or app['secret']}"
        return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    @staticmethod
    def bearer(value):
        return {"authorization": f"Bearer {value}"}

    @staticmethod
    def post(url, path, token, headers):
        form = {"content-type": "application/x-www-form-urlencoded", **headers}
        return ask(url, "POST", path, form, urllib.parse.urlencode({"token": token}))

    def introspect(self, value, app=None):
        """What Doorkeeper says of a token."""
        status, _, body = self.post(self.real, "/oauth/introspect", value, self.basic(app or self.app))
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def synced(self):
        """What Signon's Secret in the cluster holds."""
        path = f"/api/v1/namespaces/apps/secrets/{self.seeded['synced']}"
        status, _, body = ask(self.cluster, "GET", path, self.bearer(self.accounts["admin"]))
        self.assertEqual(status, 200, body)
        return base64.b64decode(json.loads(body)["data"]["bearer_token"], validate=True).decode()
