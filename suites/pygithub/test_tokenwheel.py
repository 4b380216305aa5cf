"""The box that tokenwheel seals, opened by PyNaCl with the private key of the repository."""

import base64
import http.client
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import urllib.parse

import nacl.encoding
import nacl.public

from sandbox import Case

CONFIG = """
version: 1
every: 12h
connections:
  github: { service: github, url: "%s", token: env:GITHUB_LOGIN }
tokens:
  shared:
    issuer: { kind: random/secret, name: shared, ttl: 30d, create: true }
    destinations:
      - { kind: github/actions-secret, repository: acme/app, name: SHARED, create: {} }
      - { kind: github/actions-variable, repository: acme/app, name: SHARED, create: {} }
ledger: { kind: file, path: ledger.json }
"""


class Proxy(http.server.ThreadingHTTPServer):
    """Stands before the sandbox and keeps what is PUT."""

    def __init__(self, to):
        super().__init__(("127.0.0.1", 0), Handler)
        self.to = urllib.parse.urlsplit(to)
        self.put = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.command == "PUT":
            self.server.put[self.path] = json.loads(body)
        connection = http.client.HTTPConnection(self.server.to.hostname, self.server.to.port)
        connection.request(self.command, self.path, body or None, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
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


class Sealed(Case):
    def test_what_tokenwheel_sealed_is_opened_with_the_private_key(self):
        proxy = Proxy(self.url)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        with tempfile.TemporaryDirectory() as folder:
            config = CONFIG % f"http://127.0.0.1:{proxy.server_port}"
            pathlib.Path(folder, "tokenwheel.yml").write_text(config, encoding="utf-8")
            ran = subprocess.run(
                [os.environ["TOKENWHEEL_BINARY"], "rotate"],
                cwd=folder,
                env={"GITHUB_LOGIN": self.seeded["tokens"]["fine_grained"]},
                capture_output=True,
                text=True,
                check=False,
            )
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        body = proxy.put["/api/v3/repos/acme/app/actions/secrets/SHARED"]
        key = nacl.public.PrivateKey(self.seeded["private_key"].encode(), nacl.encoding.Base64Encoder)
        opened = nacl.public.SealedBox(key).decrypt(base64.b64decode(body["encrypted_value"], validate=True)).decode()
        self.assertEqual(opened, self.repository().get_variable("SHARED").value)
        self.assertGreaterEqual(len(opened), 32)
        self.assertNotIn(opened, ran.stdout + ran.stderr)
