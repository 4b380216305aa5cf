"""The sandbox's Signon beside a real Doorkeeper: the same questions, and the same answers."""

import json

from server import GARBAGE, Case, ask


class Sides(Case):
    def both(self, told, call, rails_says_it=False):
        """Asks both: the same status, the same body, and where Doorkeeper itself says it the same challenge. Gives
        status and body."""
        answers = []
        for url in (self.fake, self.real):
            status, headers, body = call(url)
            body = json.loads(body) if body else None
            answers.append((status, body, None if rails_says_it else headers.get("www-authenticate")))
        with self.subTest(told):
            self.assertEqual(*answers)
        return answers[1][:2]

    def who(self, told, value, query="", rails_says_it=False):
        headers = self.bearer(value) if value else {}
        return self.both(told, lambda url: ask(url, "GET", f"/user.json{query}", headers), rails_says_it)

    def form(self, told, path, token, headers):
        return self.both(told, lambda url: self.post(url, path, token, headers))

    def test_who_a_bearer_is(self):
        due, of_app = self.tokens["due"], f"?client_id={self.app['id']}"
        status, body = self.who("a live one", due)
        self.assertEqual((status, body["user"]["email"]), (200, self.seeded["user"]))
        self.assertEqual(self.who("for its application", due, of_app)[0], 200)
        for told, value, query in (
            ("for another application", due, f"?client_id={self.other['id']}"),
            ("for an application that is not there", due, "?client_id=none"),
            ("one whose user may not sign in", self.tokens["unsigned"], of_app),
        ):
            self.assertEqual(self.who(told, value, query, rails_says_it=True)[0], 401)
        self.assertEqual(self.who("garbage", GARBAGE)[0], 401)
        self.assertEqual(self.who("nobody", None)[0], 401)
        self.assertEqual(self.who("one that has run out", self.tokens["expired"])[0], 401)

    def test_introspection(self):
        due, path = self.tokens["due"], "/oauth/introspect"
        right = self.basic(self.app)
        status, body = self.form("by its application", path, due, right)
        self.assertEqual((status, body["active"], body["client_id"]), (200, True, self.app["id"]))
        self.assertEqual(body["exp"] - body["iat"], 730 * 86400)
        # Unknown, foreign and run out are all the same.
        self.assertEqual(self.form("garbage", path, GARBAGE, right), (200, {"active": False}))
        self.assertEqual(self.form("a foreign one", path, self.tokens["foreign"], right), (200, {"active": False}))
        expired = self.form("one that has run out", path, self.tokens["expired"], self.basic(self.other))
        self.assertEqual(expired, (200, {"active": False}))
        # One that may not sign in lives all the same.
        self.assertTrue(self.form("one whose user may not sign in", path, self.tokens["unsigned"], right)[1]["active"])
        # A token may ask about another one of its application, not about itself.
        sibling = self.bearer(self.tokens["unsigned"])
        self.assertTrue(self.form("by a sibling", path, due, sibling)[1]["active"])
        self.assertEqual(self.form("by itself", path, due, self.bearer(due))[0], 401)
        self.assertEqual(self.form("by a foreign one", path, due, self.bearer(self.tokens["foreign"]))[0], 401)
        self.assertEqual(self.form("garbage, by a live one", path, GARBAGE, self.bearer(due))[0], 401)
        dead = self.form("a dead sibling", path, self.tokens["expired"], self.bearer(self.tokens["foreign"]))
        self.assertEqual(dead, (200, {"active": False}))
        self.assertEqual(self.form("by one that has run out", path, due, self.bearer(self.tokens["expired"]))[0], 401)
        self.assertEqual(self.form("by garbage", path, due, self.bearer(GARBAGE))[0], 400)
        self.assertEqual(self.form("by a wrong secret", path, due, self.basic(self.app, "wrong"))[0], 401)
        self.assertEqual(self.form("by nobody", path, due, {})[0], 400)

    def test_revocation(self):
        victim, path = self.tokens["spare"], "/oauth/revoke"
        right, lives = self.basic(self.app), lambda: self.introspect(victim)["active"]
        self.assertEqual(self.form("by another application", path, victim, self.basic(self.other))[0], 403)
        self.assertEqual(self.form("by nobody", path, victim, {})[0], 403)
        self.assertEqual(self.form("by a wrong secret", path, victim, self.basic(self.app, "wrong"))[0], 403)
        self.assertEqual(self.form("by itself", path, victim, self.bearer(victim))[0], 403)
        self.assertTrue(lives())
        # A token that nobody knows is revoked with success, whichever application asks.
        self.assertEqual(self.form("garbage", path, GARBAGE, right), (200, {}))
        self.assertEqual(self.form("garbage, by another", path, GARBAGE, self.basic(self.other)), (200, {}))
        self.assertEqual(self.form("garbage, by nobody", path, GARBAGE, {})[0], 403)
        self.assertEqual(self.form("by its application", path, victim, right), (200, {}))
        self.assertFalse(lives())
        gone = self.form("what was revoked", "/oauth/introspect", victim, right)
        self.assertEqual(gone, (200, {"active": False}))
        self.assertEqual(self.who("as bearer afterwards", victim)[0], 401)
        asked = self.form("about another afterwards", "/oauth/introspect", self.tokens["due"], self.bearer(victim))
        self.assertEqual(asked[0], 401)
        self.assertEqual(self.form("again", path, victim, right), (200, {}))
        self.assertEqual(self.form("again, by another", path, victim, self.basic(self.other))[0], 403)

    def test_there_is_no_other_door(self):
        for path in ("/oauth/token/info", "/oauth/applications", "/oauth/authorized_applications"):
            self.assertEqual(ask(self.real, "GET", path)[0], 404, path)
        for grant in ("client_credentials", "password"):
            form = {"content-type": "application/x-www-form-urlencoded", **self.basic(self.app)}
            status, _, body = ask(self.real, "POST", "/oauth/token", form, f"grant_type={grant}")
            self.assertEqual((status, json.loads(body)["error"]), (400, "unsupported_grant_type"), grant)
