"""Starts the sandbox for a class of tests, and hands out clients logged in to its cluster."""

import base64
import json
import os
import subprocess
import time
import unittest

from kubernetes import client

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
NAMESPACE = "apps"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def decoded(secret):
    return {key: base64.b64decode(value, validate=True).decode() for key, value in secret.data.items()}


class Case(unittest.TestCase):
    """Each class of tests has a sandbox of its own."""

    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen(
            [os.environ["TOKENWHEEL_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        world = json.loads(cls.process.stdout.readline())["kubernetes"]
        cls.url = world["url"]
        cls.seeded = world["seeded"]

    @classmethod
    def tearDownClass(cls):
        cls.process.stdin.close()
        code = cls.process.wait(timeout=30)
        cls.process.stdout.close()
        assert code == 0, f"the sandbox ended with {code}"

    def client(self, token):
        settings = client.Configuration(host=self.url)
        settings.api_key = {"BearerToken": token}
        settings.api_key_prefix = {"BearerToken": "Bearer"}
        one = client.ApiClient(settings)
        self.addCleanup(one.close)
        return one

    def login(self, who="admin"):
        return self.client(self.seeded["accounts"][who])

    def core(self, who="admin"):
        return client.CoreV1Api(self.login(who))

    def apps(self, who="admin"):
        return client.AppsV1Api(self.login(who))

    def batch(self, who="admin"):
        return client.BatchV1Api(self.login(who))

    def apply(self, name, data, who="admin", **options):
        """Server-side apply of a Secret."""
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "type": options.pop("type", "Opaque"),
            "data": {key: encoded(value) for key, value in data.items()},
        }
        options.setdefault("field_manager", "tokenwheel")
        return self.core(who).patch_namespaced_secret(name, NAMESPACE, body, _content_type=APPLY, **options)

    def read(self, name):
        return self.core().read_namespaced_secret(name, NAMESPACE)

    def refused(self, status, call, *args, **kwargs):
        """Calls, and expects that status; gives the object of kind Status."""
        with self.assertRaises(client.ApiException) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.status, status, caught.exception)
        body = json.loads(caught.exception.body)
        self.assertEqual((body["kind"], body["status"], body["code"]), ("Status", "Failure", status))
        return body

    def until(self, look, seconds=20):
        """Looks until there is something to see."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            found = look()
            if found:
                return found
            time.sleep(0.05)
        return self.fail("nothing came of it")
