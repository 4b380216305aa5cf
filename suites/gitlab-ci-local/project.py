"""A project on a GitLab that is not there: a git repository, and gitlab-ci-local that runs its pipelines.

What gitlab-ci-local does not do: it refuses no unknown input, holds no lock for a resource group, makes no JWT, masks
nothing, uploads only `paths` and dotenv, keeps no protected variable from anybody, and asks for no confirmation. A list
of exit codes that are forgiven it takes as leave for the pipeline to go on after any; the job itself is told right. What
is said of those is held against GitLab's schema, and by the tests in `tests/docs`.
"""

import base64
import csv
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / ".gitlab-ci-template.yml"
COMPONENT = ROOT / "templates" / "rotate.yml"
HOST = "gitlab.example.com"
ADDRESS = "raw.githubusercontent.com/tokenwheel/tokenwheel/v0.1.0/.gitlab-ci-template.yml"

# What starts pipelines, as CI_PIPELINE_SOURCE tells it.
EVENTS = ("schedule", "web", "api", "pipeline", "push", "trigger", "parent_pipeline", "chat", "merge_request_event")


def include(**inputs):
    """A pipeline that includes the template with these inputs."""
    entry = {"remote": f"https://{ADDRESS}"}
    return yaml.safe_dump({"include": [entry | ({"inputs": inputs} if inputs else {})]})


def component(**inputs):
    """The same with the component."""
    entry = {"component": "$CI_SERVER_FQDN/tokenwheel/tokenwheel/rotate@0.1.0"}
    return yaml.safe_dump({"include": [entry | ({"inputs": inputs} if inputs else {})]})


class Ran:
    """What a pipeline said, and how its jobs ended."""

    def __init__(self, done):
        self.text = done.stdout + done.stderr

    def ended(self, job):
        """PASS, WARN or FAIL; nothing when the job did not run."""
        for line in self.text.splitlines():
            words = line.split()
            if len(words) >= 2 and words[0] in ("PASS", "WARN", "FAIL") and words[1] == job:
                return words[0]
        return None

    def __str__(self):
        return self.text


class Project:
    """A repository `acme/tokenwheel` with a pipeline and a config."""

    def __init__(self, pipeline, config="version: 1\n", variables=None, scope="tokenwheel"):
        self.temporary = tempfile.TemporaryDirectory()
        top = pathlib.Path(self.temporary.name)
        self.home, self.folder, self.tools = top / "home", top / "acme", top / "bin"
        for folder in (self.home / ".gitlab-ci-local", self.folder, self.tools):
            folder.mkdir(parents=True)
        # What the image has: tokenwheel and a shell. The rest is gitlab-ci-local's.
        shutil.copy(os.environ["TOKENWHEEL_BINARY"], self.tools / "tokenwheel")
        self.write(".gitlab-ci.yml", pipeline)
        self.write("tokenwheel.yml", config)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", f"git@{HOST}:acme/tokenwheel.git")
        self.commit()
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        self.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
        includes = self.folder / ".gitlab-ci-local" / "includes"
        self.place(TEMPLATE, includes / ADDRESS)
        self.place(COMPONENT, includes / HOST / "tokenwheel" / "tokenwheel" / "0.1.0" / "templates" / "rotate.yml")
        self.keep(variables or {}, scope)

    def close(self):
        self.temporary.cleanup()

    def place(self, source, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def keep(self, variables, scope):
        """The project's CI/CD variables, of an environment scope."""
        values = {key: {"type": "variable", "values": {scope: value}} for key, value in variables.items()}
        told = yaml.safe_dump({"project": {f"{HOST}/acme/tokenwheel.git": values}})
        (self.home / ".gitlab-ci-local" / "variables.yml").write_text(told, encoding="utf-8")

    def environment(self):
        return {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "FORCE_COLOR": "0",
        }

    def git(self, *args):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        done = subprocess.run(
            ["git", *who, *args], cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self):
        self.write(".gitignore", ".gitlab-ci-local/\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A state")
        return self.git("rev-parse", "HEAD")

    def call(self, args, event, variables, protected):
        """gitlab-ci-local in the repository, for an event of that name."""
        given = {"CI_COMMIT_REF_PROTECTED": "true" if protected else "false", "GITLAB_CI": "true", "CI": "true"}
        given |= {"CI_PIPELINE_SOURCE": event} | (variables or {})
        command = [os.environ["GITLAB_CI_LOCAL"], "--force-shell-executor", "--shell-isolation", "--no-color"]
        for name, value in given.items():
            command += ["--variable", f"{name}={value}"]
        command += ["--ignore-predefined-vars", ",".join(given), "--home", str(self.home), *args]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def jobs(self, event, variables=None, protected=True):
        """The jobs of a pipeline, by name: when they run, and what of their failures is allowed."""
        done = self.call(["--list-csv", "--no-json-schema-validation"], event, variables, protected)
        lines = [line for line in done.stdout.splitlines() if line.count(";") >= 5]
        if done.returncode != 0 or not lines:
            raise AssertionError(f"no list of jobs:\n{done.stdout}{done.stderr}")
        return {row["name"]: row for row in csv.DictReader(lines, delimiter=";")}

    def refused(self, event="schedule"):
        """Why the pipeline cannot be made; nothing when it can."""
        done = self.call(["--list-csv"], event, None, True)
        return None if done.returncode == 0 else done.stdout + done.stderr

    def expanded(self, *options):
        """The pipeline as GitLab would see it once everything is included."""
        done = self.call(["--preview", *options], "schedule", None, True)
        text = done.stdout[done.stdout.find("---") :]
        if done.returncode != 0 or not text.startswith("---"):
            raise AssertionError(f"no preview:\n{done.stdout}{done.stderr}")
        return text

    def run(self, event, *jobs, variables=None, protected=True):
        """A pipeline from its beginning to its end; a manual job only when it is named."""
        return Ran(self.call(["--no-json-schema-validation", *jobs], event, variables, protected))

    def kept(self, job):
        """The folder of what GitLab would keep of a job."""
        return self.folder / ".gitlab-ci-local" / "artifacts" / safe(job)

    def everything(self):
        """Whatever a run left behind, but for git's and the binary's own files, and what we gave it."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and ".git" not in path.relative_to(self.folder).parts:
                yield path


def safe(job):
    """The name of a job as gitlab-ci-local writes it."""

    def encode(found):
        return base64.urlsafe_b64encode(found.group().encode()).decode().rstrip("=")

    return re.sub(r"[^\w-]+", encode, job, flags=re.ASCII)
