"""A value that could not be delivered leaves the job sealed, as an artifact, although the job fails."""

import http.client
import http.server
import threading
import urllib.parse

from stage import Wheel

# Made for this; nobody holds the other half.
RECIPIENT = "age19ggd2mqpf9awyurvt3lxumuaqgph95yma3dv9rnk42n84x7jpp7spsh050"


class Proxy(http.server.ThreadingHTTPServer):
    """Stands before the sandbox's GitHub; refuses every write to a variable or a secret once it is told to."""

    def __init__(self, to):
        super().__init__(("127.0.0.1", 0), Handler)
        self.to = urllib.parse.urlsplit(to)
        self.refuses = False
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        changes = self.command in ("POST", "PUT", "PATCH") and "/actions/" in self.path
        if changes and self.server.refuses:
            return self.answer(422, [("content-type", "application/json")], b'{"message":"not today"}')
        connection = http.client.HTTPConnection(self.server.to.hostname, self.server.to.port)
        connection.request(self.command, self.path, body or None, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return self.answer(answer.status, answer.getheaders(), content)

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "date", "transfer-encoding"):
                self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = pass_on

    def log_message(self, *_):
        pass


class Rescue(Wheel):
    def setUp(self):
        super().setUp()
        self.proxy = Proxy(self.github["url"])
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()
        self.addCleanup(self.proxy.server_close)
        self.addCleanup(self.proxy.shutdown)
        config = self.config.replace(self.github["url"], self.proxy.url)
        self.workflow("tokenwheel-rotate")
        self.commit(**{"tokenwheel.yml": f"{config}rescue: {{ recipients: [{RECIPIENT}], path: rescue/ }}\n"})

    def sealed(self):
        return {name: text for name, text in self.kept().items() if name.endswith(".age")}

    def test_what_no_place_took_is_kept_sealed_and_the_job_fails(self):
        self.proxy.refuses = True
        ran = self.act("schedule", secrets=self.secrets)
        self.fails(ran, "Job failed")
        [(name, text)] = self.sealed().items()
        self.assertIn("shared", name)
        self.assertTrue(text.startswith("-----BEGIN AGE ENCRYPTED FILE-----"), text[:40])
        # The same block is in the log, which survives what an artifact does not.
        self.assertIn("-----BEGIN AGE ENCRYPTED FILE-----", ran.text)
        self.assertIn("report.json", "\n".join(self.kept()))
        self.leaks_nothing(ran)

    def test_what_every_place_took_leaves_nothing_sealed_behind(self):
        ran = self.act("schedule", secrets=self.secrets)
        self.assertIsNotNone(self.variable("SHARED"), ran.text)
        self.assertEqual(self.sealed(), {})
        self.leaks_nothing(ran)
