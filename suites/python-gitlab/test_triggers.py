"""Pipeline triggers, which are shown whole to their creator only, and what goes wrong in general."""

import json
import urllib.error
import urllib.request

import gitlab

from sandbox import Case


class Triggers(Case):
    def test_only_its_creator_sees_all_of_a_trigger(self):
        triggers = self.project().triggers.list(get_all=True)
        [nightly] = [trigger for trigger in triggers if trigger.description == "nightly"]
        self.assertEqual(nightly.token, self.seeded["trigger"]["value"])
        seen = self.project("service_account").triggers.get(nightly.id)
        self.assertEqual(seen.token, nightly.token[:4])

    def test_a_second_one_lives_beside_the_first_until_that_is_deleted(self):
        triggers = self.project().triggers
        first = triggers.create({"description": "hook"})
        second = triggers.create({"description": "hook"})
        self.assertNotEqual(first.token, second.token)
        project = self.project()
        self.assertEqual(project.trigger_pipeline("main", first.token).status, "created")
        triggers.delete(first.id)
        with self.assertRaises(gitlab.exceptions.GitlabError):
            project.trigger_pipeline("main", first.token)
        self.assertEqual(project.trigger_pipeline("main", second.token).status, "created")


class Refusals(Case):
    def test_garbage_is_told_from_what_is_dead(self):
        error = self.refused(401, self.login("glpat-nobody-has-this-one").personal_access_tokens.get, "self")
        self.assertEqual(json.loads(error.response_body), {"message": "401 Unauthorized"})

    def test_what_is_not_shown_is_not_there(self):
        self.refused(404, self.login("owner").projects.get, "acme/nothing")

    def test_a_token_s_day_lies_within_a_year(self):
        asked = {"name": "long", "scopes": ["api"], "access_level": 30, "expires_at": self.day(800)}
        self.refused(400, self.project().access_tokens.create, asked)


class Styra(Case):
    """Styra has no client of its own that would do for this; what its documentation shows is asked as it is."""

    def ask(self, method, path, token, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.styra["url"] + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def test_the_documented_call_regenerates_a_token_and_the_old_value_dies(self):
        seeded = self.styra["seeded"]
        path, order = "/v1/tokens/application-token", {"regenerate": True, "ttl": "24h"}
        status, made = self.ask("PUT", path, seeded["refresher"], order)
        self.assertEqual(status, 200)
        self.assertEqual(self.ask("GET", path, seeded["application-token"])[0], 401)
        self.assertIn(self.ask("GET", path, made["result"])[0], (200, 403))
        self.assertEqual(self.ask("GET", "/v1/tokens", "no-token-has-this-value")[0], 401)
