"""Every YAML that we ship for GitLab: GitLab's own schema, yamllint, and shellcheck over the scripts in it."""

import pathlib
import subprocess
import sys
import unittest

import yaml

from project import ADDRESS, COMPONENT, ROOT, TEMPLATE, Project, component, include

EXAMPLES = sorted((ROOT / "examples" / "gitlab").glob("*.yml")) + [ROOT / "examples" / "gitlab" / ".gitlab-ci.yml"]
TOOLS = pathlib.Path(sys.executable).parent
STYLE = """
extends: default
rules:
  line-length: { max: 120 }
  # A comment comes first, and a header with inputs is a document of its own.
  document-start: disable
  # `$[[ inputs.x ]]` is what GitLab takes; the word `on` never is.
  truthy: { check-keys: false }
"""
OURS = {f"tokenwheel:{job}" for job in ("base", "check", "rotate", "emergency")}


def call(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def form_of(example):
    """The documents of an example: its header with inputs, if it has one, and the rest."""
    documents = list(yaml.safe_load_all(example.read_text()))
    return documents if len(documents) == 2 else [{}, *documents]


class Examples(unittest.TestCase):
    def project(self, pipeline):
        project = Project(pipeline)
        self.addCleanup(project.close)
        return project

    def assert_fits_gitlab(self, project):
        expanded = project.home / "expanded.yml"
        expanded.write_text(project.expanded())
        checked = call(str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", str(expanded))
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        return yaml.safe_load(expanded.read_text())

    def test_there_are_examples(self):
        self.assertGreaterEqual(len(EXAMPLES), 6)

    def test_every_example_fits_gitlabs_schema_when_expanded(self):
        for example in EXAMPLES:
            with self.subTest(example=example.name):
                jobs = self.assert_fits_gitlab(self.project(example.read_text()))
                if "acme/app" not in example.read_text():
                    self.assertLessEqual(OURS, set(jobs))

    def test_template_and_component_fit_it_with_every_input_given(self):
        inputs = {
            "config": "wheels/main.yml", "command": "check", "image": "$CI_REGISTRY/wheel@sha256:0", "stage": "deploy",
            "git-image": "git:1", "environment": "prod/eu", "resource-group": "a b", "audience": "https://vault.example",
            "verbose": "true", "job-prefix": "wheel", "only": "a[b],c", "all": "true", "reason": "x", "max": "5",
            "revoke-now": "true",
        }  # fmt: skip
        spec = form_of(TEMPLATE)[0]["spec"]["inputs"]
        self.assertEqual(set(inputs), set(spec))
        for made in (include(**inputs), component(**inputs)):
            jobs = self.assert_fits_gitlab(self.project(made))
            self.assertLessEqual({f"wheel:{job.partition(':')[2]}" for job in OURS}, set(jobs))
            self.assertEqual(jobs["wheel:rotate"]["environment"], {"name": "prod/eu", "action": "access"})
            self.assertEqual(jobs["wheel:rotate"]["id_tokens"]["TOKENWHEEL_ID_TOKEN"]["aud"], inputs["audience"])

    def test_the_schema_refuses_what_gitlab_would(self):
        project = self.project(include() + "\ntokenwheel:rotate:\n  environment: { name: x, action: peek }\n")
        expanded = project.home / "expanded.yml"
        expanded.write_text(project.expanded("--no-json-schema-validation"))
        checked = call(str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", str(expanded))
        self.assertEqual(checked.returncode, 1, checked.stdout)

    def test_the_form_hands_every_answer_on(self):
        header, body = form_of(ROOT / "examples" / "gitlab" / ".gitlab-ci.yml")
        answers = {"only": "deploy[acme/app]", "all": "true", "reason": "leaked in a log", "revoke-now": "true"}
        self.assertEqual(set(header["spec"]["inputs"]), set(answers))
        spec = form_of(TEMPLATE)[0]["spec"]["inputs"]
        for name, answer in answers.items():
            # What one takes the other takes: else a form would be refused after it was filled in.
            for rule in ("default", "options", "regex"):
                self.assertEqual(header["spec"]["inputs"][name].get(rule), spec[name].get(rule), name)
            header["spec"]["inputs"][name]["default"] = answer
        pressed = self.project(f"{yaml.safe_dump(header)}---\n{yaml.safe_dump(body)}")
        variables = yaml.safe_load(pressed.expanded())["tokenwheel:emergency"]["variables"]
        for name, answer in answers.items():
            self.assertEqual(variables[f"TOKENWHEEL_{name.upper().replace('-', '_')}"], answer)
        self.assertEqual(set(pressed.jobs("web")), {"tokenwheel:emergency"})

    def test_variables_of_the_form_make_an_emergency(self):
        project = self.project((ROOT / "examples" / "gitlab" / "variables.yml").read_text())
        self.assertEqual(set(project.jobs("web")), {"tokenwheel:rotate"})
        self.assertEqual(set(project.jobs("web", {"TOKENWHEEL_ONLY": "deploy"})), {"tokenwheel:emergency"})

    def test_what_is_said_of_the_hidden_jobs_reaches_those_that_log_in(self):
        project = self.project((ROOT / "examples" / "gitlab" / "approvals.yml").read_text())
        jobs = yaml.safe_load(project.expanded())
        tags = {name: job.get("tags") for name, job in jobs.items() if name in OURS}
        own = ["rotation"]
        self.assertEqual(
            tags,
            {"tokenwheel:base": None, "tokenwheel:check": None, "tokenwheel:rotate": own, "tokenwheel:emergency": own},
        )
        actions = {name: jobs[f"tokenwheel:{name}"]["environment"] for name in ("rotate", "emergency")}
        self.assertEqual(actions["rotate"], {"name": "rotation", "action": "access"})
        self.assertEqual(actions["emergency"], {"name": "rotation", "action": "start"})

    def test_every_file_is_well_written(self):
        files = [str(file) for file in [*EXAMPLES, TEMPLATE, COMPONENT]]
        linted = call(str(TOOLS / "yamllint"), "--strict", "--config-data", STYLE, *files)
        self.assertEqual(linted.returncode, 0, linted.stdout + linted.stderr)

    def test_every_example_takes_the_template_where_it_will_be(self):
        for example in EXAMPLES:
            for entry in form_of(example)[1].get("include", []):
                known = (f"https://{ADDRESS}", "$CI_SERVER_FQDN/tokenwheel/tokenwheel/rotate@0.1.0")
                self.assertIn(entry.get("remote") or entry.get("component"), known)

    def test_the_scripts_are_for_the_shell_of_the_image(self):
        jobs = yaml.safe_load(self.project(include()).expanded())
        for name in sorted(OURS):
            script = "\n".join(jobs[name]["script"])
            with self.subTest(job=name):
                # What the runner makes of it: it stops at the first failure.
                text = f"#!/bin/sh\nset -eo pipefail\n{script}"
                checked = call(str(TOOLS / "shellcheck"), "--shell=busybox", "--severity=style", "-", input=text)
                self.assertEqual(checked.returncode, 0, checked.stdout)
                self.assertNotIn("$[[", script)
