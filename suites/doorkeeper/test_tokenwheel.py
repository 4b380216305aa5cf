"""tokenwheel turns a token of Signon: the cluster is the sandbox's, and Signon is a real Doorkeeper."""

import http.client
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.parse

from server import Case, ask

CONFIG = """
version: 1
every: 12h
connections:
  signon: {{ service: signon, url: "{signon}", cluster: "{cluster}", token: env:CLUSTER }}
tokens:
  publisher:{more}
    issuer: {{ kind: signon/api-token, user: {user}, name: {name}, application: {app} }}
    destinations: [{{ kind: signon/synced-secret, name: {synced} }}]
ledger: {{ kind: file, path: ledger.json }}
"""
YEARS = 730 * 86400


class Bridge(http.server.ThreadingHTTPServer):
    """Stands before Doorkeeper. What the cluster's Job has made since is planted there first, as the Job of a real Signon
    would have made it in that very database."""

    def __init__(self, case):
        super().__init__(("127.0.0.1", 0), Handler)
        self.case = case
        self.lock = threading.Lock()
        self.seen = []
        self.deaf = False

    def plant(self):
        with self.lock:
            one = {"user": self.case.seeded["user"], "application": self.case.app["name"], "value": self.case.synced(),
                   "made": int(time.time()), "life": YEARS}
            status, _, body = ask(self.case.real, "POST", "/plant", {}, json.dumps(one))
            assert status == 204, body


class Handler(http.server.BaseHTTPRequestHandler):
    def pass_on(self):
        sent = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.plant()
        path = urllib.parse.urlsplit(self.path).path
        self.server.seen.append(path)
        status, headers, body = (
            (200, {"content-type": "application/json"}, b"{}")
            if self.server.deaf and path == "/oauth/revoke"
            else ask(self.server.case.real, self.command, self.path, dict(self.headers), sent or None)
        )
        self.send_response(status)
        for name, value in headers.items():
            if name not in ("content-length", "date", "server", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = pass_on

    def log_message(self, *_):
        pass


class Turns(Case):
    def setUp(self):
        super().setUp()
        self.bridge = Bridge(self)
        threading.Thread(target=self.bridge.serve_forever, daemon=True).start()
        self.addCleanup(self.bridge.server_close)
        self.addCleanup(self.bridge.shutdown)

    def run_wheel(self, *args, more=""):
        """Runs the binary with nothing else in its environment; gives its exit code and all that it printed."""
        config = CONFIG.format(
            signon=f"http://127.0.0.1:{self.bridge.server_port}", cluster=self.cluster, user=self.seeded["user"],
            name=self.seeded["name"], app=self.app["name"], synced=self.seeded["synced"], more=more,
        )
        (self.folder / "tokenwheel.yml").write_text(config, encoding="utf-8")
        ran = subprocess.run(
            [os.environ["TOKENWHEEL_BINARY"], *args],
            cwd=self.folder,
            env={"CLUSTER": self.accounts["wheel"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        printed = ran.stdout + ran.stderr
        for value in (*self.tokens.values(), self.synced(), self.app["secret"], self.accounts["wheel"]):
            self.assertNotIn(value, printed)
        return ran.returncode, printed

    def lives(self, value):
        return self.introspect(value)["active"]


class Due(Turns):
    def test_what_is_due_is_turned_and_the_old_one_is_dead_at_doorkeeper(self):
        old = self.synced()
        self.assertEqual(old, self.tokens["due"])
        code, printed = self.run_wheel("rotate")
        self.assertEqual(code, 0, printed)
        new = self.synced()
        self.assertNotEqual(new, old)
        self.assertTrue(self.lives(new), printed)
        self.assertFalse(self.lives(old), printed)
        # It was proved as who it is, ended, and asked about afterwards.
        self.assertIn("/user.json", self.bridge.seen)
        ended = self.bridge.seen.index("/oauth/revoke")
        self.assertIn("/oauth/introspect", self.bridge.seen[ended:])
        # Tokens beside it live on.
        self.assertTrue(self.lives(self.tokens["spare"]))
        self.assertTrue(self.introspect(self.tokens["foreign"], self.other)["active"])
        # The next run leaves it alone.
        code, printed = self.run_wheel("rotate")
        self.assertEqual((code, self.synced()), (0, new), printed)


class Lies(Turns):
    def test_a_revocation_that_only_says_so_is_told(self):
        old = self.synced()
        self.bridge.deaf = True
        code, printed = self.run_wheel("rotate")
        self.assertNotEqual(code, 0, printed)
        self.assertIn("said that it ended the token, and the token lives", printed)
        self.assertTrue(self.lives(old) and self.lives(self.synced()), printed)
        self.assertNotEqual(self.synced(), old)


class Leaks(Turns):
    def test_a_leaked_one_is_ended_at_once(self):
        old = self.synced()
        code, printed = self.run_wheel("revoke", "publisher", "--reason", "it leaked")
        self.assertFalse(self.lives(old), printed)
        self.assertIn("/oauth/revoke", self.bridge.seen)
        # Its Secret holds a dead one until the next turn, which a person must hear of.
        self.assertEqual(code, 4, printed)
        self.assertIn("was revoked, and may go on working until", printed)
