"""Which jobs a pipeline has, by what started it: with the template, and with the component."""

import unittest

from project import EVENTS, Project, component, include

NAMED = {"only": "deploy", "reason": "it leaked"}
# What runs for whom. Every other event has no job of ours.
USUAL = {
    "schedule": {"tokenwheel:rotate"},
    "web": {"tokenwheel:rotate"},
    "api": {"tokenwheel:rotate"},
    "pipeline": {"tokenwheel:rotate"},
    "merge_request_event": {"tokenwheel:base", "tokenwheel:check"},
}
WITH_NAMES = {
    "schedule": {"tokenwheel:rotate"},
    "web": {"tokenwheel:emergency"},
    "api": {"tokenwheel:emergency"},
    "pipeline": {"tokenwheel:emergency"},
    "merge_request_event": {"tokenwheel:base", "tokenwheel:check"},
}
UNPROTECTED = {"merge_request_event": {"tokenwheel:base", "tokenwheel:check"}}


class Events(unittest.TestCase):
    def project(self, pipeline):
        project = Project(pipeline)
        self.addCleanup(project.close)
        return project

    def assert_jobs(self, project, expected, events=("schedule", "web", "merge_request_event", "push"), **more):
        for event in events:
            with self.subTest(event=event):
                self.assertEqual(set(project.jobs(event, **more)), expected.get(event, set()))

    def test_each_event_has_its_jobs_and_a_push_has_none(self):
        for name, made in (("template", include), ("component", component)):
            with self.subTest(made=name):
                self.assert_jobs(self.project(made()), USUAL, EVENTS)

    def test_named_tokens_are_for_the_emergency(self):
        self.assert_jobs(self.project(include(**NAMED)), WITH_NAMES, EVENTS)
        self.assert_jobs(self.project(component(all="true", reason="all leaked")), WITH_NAMES)

    def test_tokens_may_be_named_by_variables_of_the_pipeline(self):
        project = self.project(include())
        for named in ({"TOKENWHEEL_ONLY": "deploy"}, {"TOKENWHEEL_ALL": "true"}):
            self.assert_jobs(project, WITH_NAMES, variables=named)
        self.assert_jobs(project, USUAL, variables={"TOKENWHEEL_ONLY": "", "TOKENWHEEL_ALL": "false"})

    def test_an_unprotected_branch_or_tag_logs_in_nowhere(self):
        for pipeline in (include(), include(**NAMED), component(**NAMED)):
            self.assert_jobs(self.project(pipeline), UNPROTECTED, protected=False)

    def test_a_job_that_is_traced_does_not_log_in(self):
        for pipeline in (include(), include(**NAMED)):
            project = self.project(pipeline)
            for yes in ("true", "TRUE", "1", "t"):
                self.assert_jobs(project, UNPROTECTED, ("schedule", "web"), variables={"CI_DEBUG_TRACE": yes})
        self.assert_jobs(self.project(include()), USUAL, ("schedule",), variables={"CI_DEBUG_TRACE": "false"})

    def test_a_fork_gets_the_check_and_nothing_else(self):
        fork = {
            "CI_MERGE_REQUEST_PROJECT_PATH": "acme/tokenwheel",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "stranger/tokenwheel",
            "CI_PROJECT_PATH": "stranger/tokenwheel",
        }
        jobs = self.project(include(**NAMED)).jobs("merge_request_event", variables=fork, protected=False)
        self.assertEqual(set(jobs), {"tokenwheel:base", "tokenwheel:check"})

    def test_the_emergency_waits_for_a_click_and_may_not_fail(self):
        emergency = self.project(include(**NAMED)).jobs("web")["tokenwheel:emergency"]
        self.assertEqual((emergency["when"], emergency["allowFailure"]), ("manual", "false"))

    def test_only_three_is_forgiven_and_only_on_a_schedule(self):
        rotate = self.project(include()).jobs("schedule")["tokenwheel:rotate"]
        self.assertEqual((rotate["when"], rotate["allowFailure"]), ("on_success", "[3]"))

    def test_two_configs_fit_into_one_pipeline(self):
        first, second = include(), include(**{"job-prefix": "second-wheel", "config": "second.yml"})
        both = first + second.removeprefix("include:\n")
        jobs = self.project(both).jobs("schedule")
        self.assertEqual(set(jobs), {"tokenwheel:rotate", "second-wheel:rotate"})
