"""The sandbox, what stands before it, and the folder of a job."""

import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

BINARY = os.environ["TOKENWHEEL_BINARY"]
# The user of the images.
NOBODY = 65532

CONFIG = """
version: 1
every: 12h
connections:
  gitlab: { service: gitlab, url: "%s", token: env:GITLAB_REFRESHER }
tokens:
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy, ttl: 14d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }
  refresher:
    refreshes: gitlab
    accept_risk: the sandbox has one owner
    issuer: { kind: gitlab/personal-access-token, name: ada, ttl: 14d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: GITLAB_REFRESHER, create: {} }
ledger: { kind: file, path: ledger.json }
"""

# Rotates the one token that nothing else depends on.
ROTATE = ["rotate", "--only", "deploy", "--force", "--reason", "the suite asks for it"]


class Proxy(http.server.ThreadingHTTPServer):
    """Stands before the sandbox, on TLS if there is a certificate; whoever likes is told of each answer before it goes out."""

    def __init__(self, to, certificate=None, before_answer=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.to = to.removeprefix("http://")
        self.before_answer = before_answer or (lambda method, path: None)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """A client that turns away at the certificate is what some tests are about."""


class Handler(http.server.BaseHTTPRequestHandler):
    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        connection = http.client.HTTPConnection(self.server.to)
        connection.request(self.command, self.path, body or None, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        self.server.before_answer(self.command, self.path)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding"):
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = pass_on

    def log_message(self, *_):
        pass


class Case(unittest.TestCase):
    """Each test has a sandbox of its own, and a folder with a config."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tokenwheel-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.process = subprocess.Popen(
            [os.environ["TOKENWHEEL_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(self.end_sandbox)
        world = json.loads(self.process.stdout.readline())["gitlab"]
        self.url = world["url"]
        self.login = world["seeded"]["tokens"]["owner"]["value"]
        self.root = world["seeded"]["tokens"]["admin"]["value"]
        self.old = world["seeded"]["tokens"]["project"]["value"]
        self.write(self.url)

    def end_sandbox(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def proxy(self, **settings):
        proxy = Proxy(self.url, **settings)
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        return proxy

    def write(self, url):
        """Writes the config, for whoever the user of the image is."""
        (self.folder / "tokenwheel.yml").write_text(CONFIG % url, encoding="utf-8")
        os.chown(self.folder, NOBODY, NOBODY)

    def certificate(self):
        """The folder of a key and of a certificate that nobody knows, for localhost and an example."""
        subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=suite "
            "-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost,DNS:gitlab.example.com,IP:127.0.0.1 "
            "-keyout key.pem -out ca.pem".split(),
            cwd=self.folder,
            check=True,
            capture_output=True,
        )
        return self.folder

    def ask(self, path, token):
        """The status of a GET, and what it brought."""
        request = urllib.request.Request(f"{self.url}/api/v4/{path}", headers={"PRIVATE-TOKEN": token})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None

    def held(self, key="DEPLOY_TOKEN"):
        status, variable = self.ask(f"projects/acme%2Fapp/variables/{key}", self.root)
        self.assertEqual(status, 200)
        return variable["value"]

    def lives(self, value):
        return self.ask("personal_access_tokens/self", value)[0] == 200

    def assert_rotated(self, ran):
        """The new token is where it belongs and nowhere else, and the old one is dead."""
        new = self.held()
        self.assertNotEqual(new, self.old, ran.told)
        self.assertTrue(self.lives(new), ran.told)
        self.assertFalse(self.lives(self.old), ran.told)
        for value in (new, self.old, self.login):
            unmasked = re.sub("(?m)^::add-mask::.*$", "", ran.told)
            self.assertNotIn(value, unmasked)
            for path in self.folder.rglob("*"):
                if path.is_file():
                    self.assertNotIn(value.encode(), path.read_bytes(), path)


class Ran:
    """How a command ended, and all that it told."""

    def __init__(self, done, took):
        self.code = done.returncode
        self.out, self.err = done.stdout, done.stderr
        self.told = f"exit {done.returncode}\n{done.stdout}{done.stderr}"
        self.took = took


def run(command, **settings):
    """Runs a command to its end."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **settings)
    return Ran(done, time.monotonic() - began)
