"""Starts the sandbox for a class of tests, and hands out clients logged in to it."""

import datetime
import json
import os
import subprocess
import unittest

import gitlab


class Case(unittest.TestCase):
    """Each class of tests has a sandbox of its own."""

    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen(
            [os.environ["TOKENWHEEL_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        world = json.loads(cls.process.stdout.readline())
        cls.now = datetime.datetime.fromisoformat(world["now"])
        cls.url = world["gitlab"]["url"]
        cls.seeded = world["gitlab"]["seeded"]
        cls.styra = world["styra"]

    @classmethod
    def tearDownClass(cls):
        cls.process.stdin.close()
        code = cls.process.wait(timeout=30)
        cls.process.stdout.close()
        assert code == 0, f"the sandbox ended with {code}"

    def login(self, who):
        """A client with one of the seeded tokens, or with a value."""
        tokens = self.seeded["tokens"]
        value = tokens[who]["value"] if who in tokens else who
        return gitlab.Gitlab(self.url, private_token=value, retry_transient_errors=False)

    def project(self, who="owner"):
        return self.login(who).projects.get("acme/app")

    def group(self, who="owner"):
        return self.login(who).groups.get("acme")

    def day(self, days):
        """A date that many days from the sandbox's now."""
        return (self.now + datetime.timedelta(days=days)).date().isoformat()

    def refused(self, status, call, *args, **kwargs):
        """Calls, and expects that status; gives the error."""
        with self.assertRaises(gitlab.exceptions.GitlabError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.response_code, status, caught.exception)
        return caught.exception
