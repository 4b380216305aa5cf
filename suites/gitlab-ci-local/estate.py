"""The sandbox with tokens that are due and the variables that hold them; every value that passes is remembered."""

import datetime
import http.client
import http.server
import json
import os
import subprocess
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from project import Project

CONFIG = """version: 1
every: 12h

connections:
  gitlab: { service: gitlab, url: "%s", token: env:GITLAB_REFRESHER, spare: env:GITLAB_SPARE }

defaults:
  owner: "@platform"

tokens:
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    rotate: { before: 10d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_BOT }

  nightly:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: nightly-bot, ttl: 30d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: NIGHTLY_BOT }

  gitlab-refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: GITLAB_REFRESHER }

  gitlab-spare:
    refreshes: gitlab.spare
    issuer: { kind: gitlab/personal-access-token, name: wheel-spare, ttl: 60d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: GITLAB_SPARE }

ledger: { kind: gitlab/ci-variable, project: acme/app, key: TOKENWHEEL_LEDGER }
"""


class Witness(http.server.ThreadingHTTPServer):
    """Stands before the sandbox and remembers every value that is handed over, either way, and what was asked."""

    daemon_threads = True

    def __init__(self, to):
        super().__init__(("127.0.0.1", 0), Handler)
        self.to = urllib.parse.urlsplit(to)
        self.values = set()
        self.asked = []
        # The end of a path whose new values are refused, as by a server that is ill.
        self.refuses = None
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def remember(self, told):
        for name, value in told.items() if isinstance(told, dict) else enumerate(told):
            if isinstance(value, (dict, list)):
                self.remember(value)
            elif name in ("token", "value") and isinstance(value, str) and value.startswith("gl"):
                self.values.add(value)

    def end(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append((self.command, self.path.split("?")[0]))
        for name in ("private-token", "authorization"):
            if self.headers.get(name):
                self.server.values.add(self.headers[name].removeprefix("Bearer "))
        if self.server.refuses and self.path.endswith(self.server.refuses) and b'"value"' in body:
            self.server.remember(json.loads(body))
            self.send_response(403)
            self.send_header("content-length", "0")
            return self.end_headers()
        connection = http.client.HTTPConnection(self.server.to.hostname, self.server.to.port)
        connection.request(self.command, self.path, body or None, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        for told in (body, content):
            try:
                self.server.remember(json.loads(told))
            except (ValueError, AttributeError, TypeError):
                pass
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "date", "transfer-encoding"):
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = pass_on

    def log_message(self, *_):
        pass


class Estate(unittest.TestCase):
    """Each test has a sandbox of its own. `deploy` is due, the others are not."""

    def setUp(self):
        self.sandbox = subprocess.Popen(
            [os.environ["TOKENWHEEL_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(self.end_sandbox)
        world = json.loads(self.sandbox.stdout.readline())
        self.now = datetime.datetime.fromisoformat(world["now"])
        self.witness = Witness(world["gitlab"]["url"])
        self.addCleanup(self.witness.end)
        tokens = world["gitlab"]["seeded"]["tokens"]
        self.admin, self.owner = tokens["admin"]["value"], world["gitlab"]["seeded"]["users"]["owner"]
        self.variables = {}
        for key, name in (("GITLAB_REFRESHER", "wheel"), ("GITLAB_SPARE", "wheel-spare")):
            self.variables[key] = self.personal_token(name)
            self.hold(key, self.variables[key])
        self.deploy = self.project_token("deploy-bot", 3)
        self.hold("DEPLOY_BOT", self.deploy)
        self.nightly = self.project_token("nightly-bot", 30)
        self.hold("NIGHTLY_BOT", self.nightly)
        self.config = CONFIG % self.witness.url

    def end_sandbox(self):
        self.sandbox.stdin.close()
        self.sandbox.wait(timeout=30)
        self.sandbox.stdout.close()

    def day(self, days):
        return (self.now + datetime.timedelta(days=days)).date().isoformat()

    def ask(self, method, path, body=None, token=None):
        request = urllib.request.Request(
            f"{self.witness.url}/api/v4/{path}",
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"private-token": token or self.admin, "content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def project_token(self, name, days):
        body = {"name": name, "scopes": ["api"], "access_level": 40, "expires_at": self.day(days)}
        return self.ask("POST", "projects/acme%2Fapp/access_tokens", body, self.variables["GITLAB_REFRESHER"])["token"]

    def hold(self, key, value, scope="*"):
        body = {"key": key, "value": value, "masked": True, "protected": True, "environment_scope": scope}
        self.ask("POST", "projects/acme%2Fapp/variables", body)

    def held(self, key):
        return self.ask("GET", f"projects/acme%2Fapp/variables/{key}")["value"]

    def personal_token(self, name):
        body = {"name": name, "scopes": ["api"], "expires_at": self.day(60)}
        return self.ask("POST", f"users/{self.owner}/personal_access_tokens", body)["token"]

    def lives(self, value):
        try:
            self.ask("GET", "personal_access_tokens/self", token=value)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                return False
            raise
        return True

    def project(self, pipeline, config=None, **more):
        """A project whose variables are those of the sandbox as they are now."""
        current = {key: self.held(key) for key in ("GITLAB_REFRESHER", "GITLAB_SPARE")}
        project = Project(pipeline, config or self.config, variables=current, **more)
        self.addCleanup(project.close)
        self.witness.asked.clear()
        return project

    def changes(self):
        """What was asked of the sandbox that is more than a look, since the project was made."""
        return [one for one in self.witness.asked if one[0] != "GET"]

    def assert_ended(self, ran, job, how):
        self.assertEqual(ran.ended(job), how, str(ran))

    def assert_no_value(self, project, ran):
        """Holds every value that ever passed against all that was printed and kept."""
        values = self.witness.values
        self.assertGreaterEqual(len(values), 4, "the witness saw nothing")
        texts = [("the log", ran.text.encode())]
        texts += [(str(path.relative_to(project.folder)), path.read_bytes()) for path in project.everything()]
        self.assertGreater(len(texts), 3)
        for place, text in texts:
            for value in values:
                self.assertFalse(value.encode() in text, f"{place} has a value")
