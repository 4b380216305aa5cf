"""A runner for workflows: act, the action as it is released, a release to fetch it from, and the sandbox behind it all."""

import contextlib
import dataclasses
import hashlib
import http.server
import json
import os
import pathlib
import platform
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "github"
BINARY = pathlib.Path(os.environ["TOKENWHEEL_BINARY"])
VERSION = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.M).group(1)
FILE = f"tokenwheel-{platform.machine()}-unknown-linux-musl"

# What the runner prints of its own, and what a step printed after a bar.
PREFIX = re.compile(r"^\[[^\]]*\]\s*")


@dataclasses.dataclass
class Ran:
    """What a run of a workflow printed, and how it ended."""

    code: int
    text: str

    def lines(self):
        return [PREFIX.sub("", line) for line in self.text.splitlines()]

    def outputs(self):
        """The outputs that steps set; the last one of a name counts."""
        found = {}
        for line in self.lines():
            _, is_output, rest = line.partition("::set-output:: ")
            if is_output:
                name, _, value = rest.partition("=")
                found[name] = value
        return found

    def commands(self, name):
        """The runner commands of a name, as they were printed."""
        return [line for line in self.lines() if f"::{name}" in line]


class Release(http.server.ThreadingHTTPServer):
    """Where the files of a release are, over TLS; what is not there is 404, and what is a tuple is a redirect."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.asked = []
        self.certificate = folder / "release.pem"
        key = folder / "release.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
            + ["-subj", "/CN=release", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
            + ["-keyout", key, "-out", self.certificate],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_port}"

    def put(self, path, content):
        self.files[path] = content


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        content = self.server.files.get(self.path)
        if isinstance(content, tuple):
            self.send_response(302)
            self.send_header("location", content[0])
            content = b""
        else:
            self.send_response(404 if content is None else 200)
            content = content or b""
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Case(unittest.TestCase):
    """Each test has a repository, a copy of the action and a release of its own."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.repository = self.folder / "repository"
        self.action = self.folder / "action"
        self.artifacts = self.folder / "artifacts"
        for folder in (self.repository, self.action, self.artifacts):
            folder.mkdir()
        shutil.copy(ROOT / "action.yml", self.action)
        shutil.copytree(ROOT / "action", self.action / "action")
        self.release = Release(self.folder)
        threading.Thread(target=self.release.serve_forever, daemon=True).start()
        self.addCleanup(self.release.server_close)
        self.addCleanup(self.release.shutdown)
        self.git("init", "--quiet", "--initial-branch=main")
        # act gives its steps a terminal. A runner gives them pipes, and so does this shell, which act finds first. What is
        # said last gets lost if the step ends before act has read it, so that this one ends a moment later.
        shell = self.folder / "bin" / "bash"
        shell.parent.mkdir()
        real = shutil.which("bash")
        shell.write_text(f'#!{real}\n{real} "$@" 2>&1 | cat\ncode=${{PIPESTATUS[0]}}\nsleep 0.1\nexit "$code"\n', encoding="utf-8")
        shell.chmod(0o755)

    def publish(self, content=None):
        """Publishes a binary, and writes its checksum into the action as a release does."""
        content = BINARY.read_bytes() if content is None else content
        self.release.put(f"/v{VERSION}/{FILE}", content)
        dist = self.folder / "dist"
        dist.mkdir(exist_ok=True)
        (dist / FILE).write_bytes(content)
        with (self.action / "action" / "checksums.txt").open("a", encoding="utf-8") as manifest:
            manifest.write(f"{VERSION}  {FILE}  {hashlib.sha256(content).hexdigest()}\n")

    def git(self, *arguments):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", self.repository, *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, **files):
        """Commits files of the repository, by their path with `__` for a slash in the name of the keyword."""
        for path, text in files.items():
            self.write(path.replace("__", "/"), text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change something")
        return self.git("rev-parse", "HEAD")

    def write(self, path, text):
        file = self.repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def workflow(self, name, text=None):
        """Puts a workflow in its place: one of the examples as it stands, unless its text is given."""
        if text is None:
            text = (EXAMPLES / f"{name}.yml").read_text(encoding="utf-8")
        self.write(f".github/workflows/{name}.yml", text)

    def act(self, event, secrets=None, inputs=None, payload=None, environment=None, options=()):
        """Runs the workflows of the repository for an event, as a runner would."""
        secrets, inputs = secrets or {}, dict(inputs or {})
        file = self.folder / "event.json"
        file.write_text(json.dumps({"inputs": inputs, **(payload or {})}), encoding="utf-8")
        command = ["act", event, "--eventpath", file, "-P", "ubuntu-24.04=-self-hosted", "--pull=false"]
        command += ["--no-skip-checkout", "--no-cache-server", "--actor", "ada", *options]
        command += [f"--local-repository={name}={folder}" for name, folder in self.actions().items()]
        for name in secrets:
            command += ["--secret", name]
        given = {
            "TEST_REPOSITORY": self.repository,
            "TEST_ARTIFACTS": self.artifacts,
            "TOKENWHEEL_MIRROR": self.release.url,
            "CURL_CA_BUNDLE": self.release.certificate,
            **(environment or {}),
        }
        for name, value in given.items():
            command += ["--env", f"{name}={value}"]
        place = {
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }
        ran = subprocess.run(
            command,
            cwd=self.repository,
            env={**place, **secrets},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout)

    def actions(self):
        """The actions that the workflows use, as pinned there: ours, and a stand-in for each that cannot be fetched."""
        found = {}
        for file in (self.repository / ".github" / "workflows").glob("*.yml"):
            for used in re.findall(r"uses: ([^\s./][^\s]*@[^\s]+)", file.read_text(encoding="utf-8")):
                name, _, ref = used.partition("@")
                owner, repository, *path = name.split("/")
                if owner == "tokenwheel":
                    folder = self.action
                elif path:
                    folder = self.repository
                else:
                    folder = ROOT / "suites" / "act" / "actions" / repository
                found[f"{owner}/{repository}@{ref}"] = folder
        return found

    def kept(self):
        """What was kept as artifacts: the text of each file, by its path."""
        files = (file for file in self.artifacts.rglob("*") if file.is_file())
        return {str(file.relative_to(self.artifacts)): file.read_text(encoding="utf-8") for file in files}

    def passes(self, ran):
        self.assertEqual(ran.code, 0, ran.text)

    def fails(self, ran, *words):
        self.assertNotEqual(ran.code, 0, ran.text)
        for word in words:
            self.assertIn(word, ran.text, ran.text)


class Wheel(Case):
    """The same, with the sandbox as the services that tokens are turned at."""

    CONFIG = """version: 1
every: 6h
connections:
  github: { service: github, url: "%(github)s", app: "77", installation: %(installation)s, token: env:WHEEL_APP_KEY }
  das: { service: styra, url: "%(styra)s", token: env:DAS_REFRESHER }
tokens:
  shared:
    issuer: { kind: random/secret, name: shared, ttl: 30d, create: true }
    destinations:
      - { kind: github/actions-secret, repository: acme/app, name: SHARED, create: {} }
      - { kind: github/actions-variable, repository: acme/app, name: SHARED, create: {} }
  opa-agent:
    issuer: { kind: styra/token, id: application-token, ttl: 2d, paths: ["^/v1/data/.*"] }
    destinations:
      - { kind: github/actions-variable, repository: acme/app, name: OPA, create: {} }
ledger: { kind: file, path: "%(ledger)s" }
"""

    def setUp(self):
        super().setUp()
        self.sandbox = subprocess.Popen(
            [os.environ["TOKENWHEEL_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(self.close)
        self.world = json.loads(self.sandbox.stdout.readline())
        self.github, self.styra = self.world["github"], self.world["styra"]
        app = self.github["seeded"]["app"]
        self.ledger = self.folder / "ledger.json"
        self.config = self.CONFIG % {
            "github": self.github["url"],
            "installation": app["installation"],
            "styra": self.styra["url"],
            "ledger": self.ledger,
        }
        self.secrets = {"WHEEL_APP_KEY": app["key"], "DAS_REFRESHER": self.styra["seeded"]["admin"]}
        self.minted = set()
        self.publish()

    def close(self):
        self.sandbox.stdin.close()
        code = self.sandbox.wait(timeout=30)
        self.sandbox.stdout.close()
        self.assertEqual(code, 0, "the sandbox ended with that")

    def variable(self, name):
        """What a variable of the repository holds; none where there is none. Each value is remembered."""
        token = self.github["seeded"]["tokens"]["classic"]
        url = f"{self.github['url']}/api/v3/repos/acme/app/actions/variables/{name}"
        headers = {"authorization": f"Bearer {token}", "user-agent": "a test"}
        with contextlib.suppress(urllib.error.HTTPError):
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
                value = json.load(answer)["value"]
                self.minted.add(value)
                return value
        return None

    def leaks_nothing(self, ran):
        """No value that a variable ever held, and no credential, is in what was printed or kept."""
        values = self.minted | set(self.secrets.values())
        values |= {line for line in self.secrets["WHEEL_APP_KEY"].splitlines() if len(line) > 32}
        self.assertGreater(len(values), 2)
        ledger = self.ledger.read_text(encoding="utf-8") if self.ledger.exists() else ""
        places = {"the log": ran.text, "the ledger": ledger, **self.kept()}
        for place, text in places.items():
            for value in values:
                self.assertNotIn(value, text, f"a value is in {place}")
