"""Starts the sandbox for a class of tests, and hands out clients logged in to it."""

import json
import os
import subprocess
import unittest

import github


class Case(unittest.TestCase):
    """Each class of tests has a sandbox of its own."""

    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen(
            [os.environ["TOKENWHEEL_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        world = json.loads(cls.process.stdout.readline())["github"]
        cls.url = world["url"]
        cls.seeded = world["seeded"]

    @classmethod
    def tearDownClass(cls):
        cls.process.stdin.close()
        code = cls.process.wait(timeout=30)
        cls.process.stdout.close()
        assert code == 0, f"the sandbox ended with {code}"

    def client(self, auth):
        return github.Github(
            base_url=f"{self.url}/api/v3",
            auth=auth,
            lazy=True,
            retry=None,
            seconds_between_requests=0,
            seconds_between_writes=0,
        )

    def login(self, who):
        """A client with one of the seeded tokens."""
        return self.client(github.Auth.Token(self.seeded["tokens"][who]))

    def repository(self, who="fine_grained"):
        return self.login(who).get_repo("acme/app")

    def refused(self, status, call, *args, **kwargs):
        """Calls, and expects that status; gives the error."""
        with self.assertRaises(github.GithubException) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.status, status, caught.exception)
        return caught.exception
