"""Webhooks: made, listed, changed, tested and deleted, without a secret ever coming back."""

from sandbox import Case

URL = "https://hooks.example.com/in?token={tok}"
SIGNING = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class Hooks(Case):
    def made(self, where, **more):
        return where.hooks.create(
            {
                "url": URL,
                "name": "desk",
                "token": "a-secret-token",
                "signing_token": SIGNING,
                "url_variables": [{"key": "tok", "value": "a-secret-part"}],
                "custom_headers": [{"key": "X-Team", "value": "a-secret-header"}],
                "issues_events": True,
                "push_events": False,
                **more,
            }
        )

    def test_a_webhook_is_made_whole_and_shows_no_secret(self):
        for where in (self.project(), self.group()):
            hook = self.made(where)
            shown = where.hooks.get(hook.id)
            self.assertEqual(shown.url, URL)
            self.assertTrue(shown.issues_events and not shown.push_events)
            self.assertTrue(shown.token_present and shown.signing_token_present)
            self.assertEqual((shown.url_variables, shown.custom_headers), ([{"key": "tok"}], [{"key": "X-Team"}]))
            self.assertNotIn("a-secret", shown.to_json())
            self.assertIn(hook.id, [one.id for one in where.hooks.list(iterator=True)])
            hook.delete()
            self.refused(404, where.hooks.get, hook.id)

    def test_a_token_is_changed_alone_and_a_masked_part_in_use_is_not(self):
        where = self.project()
        hook = self.made(where)
        # This client sends the address along, as the documentation asks for; the same address is no change.
        where.hooks.update(hook.id, {"url": URL, "token": "another-secret-token"})
        self.assertTrue(where.hooks.get(hook.id).signing_token_present)
        gl = self.login("owner")
        path = f"/projects/{where.id}/hooks/{hook.id}"
        error = self.refused(422, gl.http_put, f"{path}/url_variables/tok", post_data={"value": "new"})
        self.assertIn("Illegal key or value", str(error))
        gl.http_put(f"{path}/custom_headers/X-Team", post_data={"value": "new"})
        hook.delete()

    def test_a_new_address_costs_the_token_and_the_headers(self):
        where = self.project()
        hook = self.made(where)
        where.hooks.update(hook.id, {"url": "https://hooks.example.com/other"})
        shown = where.hooks.get(hook.id)
        self.assertFalse(shown.token_present)
        self.assertEqual((shown.custom_headers, shown.url_variables), ([], []))
        hook.delete()

    def test_a_test_delivery_is_sent_and_logged(self):
        where = self.project()
        hook = self.made(where)
        where.hooks.get(hook.id).test("issues_events")
        events = self.login("owner").http_list(f"/projects/{where.id}/hooks/{hook.id}/events")
        self.assertEqual([event["response_status"] for event in events], ["200"])
        self.assertEqual(events[0]["request_headers"]["X-Gitlab-Token"], "[REDACTED]")
        hook.delete()
