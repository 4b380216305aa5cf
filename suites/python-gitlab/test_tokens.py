"""Access tokens: listed, shown, made, rotated and revoked, by others and by themselves."""

import gitlab
from gitlab.v4.objects import GroupServiceAccount

from sandbox import Case


class PersonalTokens(Case):
    def test_a_token_is_told_who_it_is(self):
        me = self.login("owner").personal_access_tokens.get("self")
        self.assertEqual(me.id, self.seeded["tokens"]["owner"]["id"])
        self.assertEqual(me.user_id, self.seeded["users"]["owner"])
        self.assertEqual(me.scopes, ["api"])
        self.assertTrue(me.active)
        self.assertFalse(hasattr(me, "token"))

    def test_a_listing_shows_no_value_and_keeps_to_its_filters(self):
        client = self.login("owner")
        names = {token.name for token in client.personal_access_tokens.list(get_all=True, state="active")}
        self.assertLessEqual({"ada", "ada-turns-itself"}, names)
        found = client.personal_access_tokens.list(get_all=True, search="turns-itself")
        self.assertEqual([token.name for token in found], ["ada-turns-itself"])
        self.assertTrue(all(not hasattr(token, "token") for token in found))

    def test_an_administrator_makes_a_token_for_a_user_and_it_can_be_rotated_by_its_number(self):
        admin = self.login("admin")
        user = admin.users.get(self.seeded["users"]["owner"], lazy=True)
        made = user.personal_access_tokens.create({"name": "made", "scopes": ["api"], "expires_at": self.day(20)})
        owner = self.login("owner")
        listed = owner.personal_access_tokens.get(made.id)
        new = listed.rotate(expires_at=self.day(30))
        self.assertNotEqual(new["id"], made.id)
        self.assertNotEqual(new["token"], made.token)
        self.assertEqual(new["expires_at"], self.day(30))
        self.assertEqual(new["name"], "made")
        self.refused(401, self.login(made.token).personal_access_tokens.get, "self")
        self.assertEqual(self.login(new["token"]).personal_access_tokens.get("self").id, new["id"])
        self.refused(400, owner.personal_access_tokens.get(made.id).rotate)

    def test_a_revoked_token_is_dead_at_once(self):
        user = self.login("admin").users.get(self.seeded["users"]["owner"], lazy=True)
        made = user.personal_access_tokens.create({"name": "leaked", "scopes": ["api"], "expires_at": self.day(9)})
        self.login("owner").personal_access_tokens.delete(made.id)
        error = self.refused(401, self.login(made.token).personal_access_tokens.get, "self")
        self.assertIn(b"Token was revoked", error.response_body)


class SelfRotation(Case):
    def test_a_token_with_nothing_but_self_rotate_turns_itself(self):
        old = self.login("self_rotate")
        new = old.personal_access_tokens.get("self").rotate(self_rotate=True, expires_at=self.day(14))
        self.assertEqual(new["scopes"], ["self_rotate"])
        me = self.login(new["token"]).personal_access_tokens.get("self")
        self.assertEqual((me.id, me.expires_at), (new["id"], self.day(14)))
        self.refused(401, old.personal_access_tokens.get, "self")

    def test_without_a_date_the_successor_lives_a_week(self):
        user = self.login("admin").users.get(self.seeded["users"]["owner"], lazy=True)
        made = user.personal_access_tokens.create({"name": "w", "scopes": ["self_rotate"], "expires_at": self.day(9)})
        new = self.login(made.token).personal_access_tokens.get("self").rotate(self_rotate=True)
        self.assertEqual(new["expires_at"], self.day(7))

    def test_a_dead_token_on_a_rotate_path_takes_its_successors_with_it(self):
        user = self.login("admin").users.get(self.seeded["users"]["owner"], lazy=True)
        made = user.personal_access_tokens.create({"name": "f", "scopes": ["api"], "expires_at": self.day(9)})
        old = self.login(made.token)
        me = old.personal_access_tokens.get("self")
        new = me.rotate(self_rotate=True, expires_at=self.day(9))
        self.assertTrue(self.login(new["token"]).personal_access_tokens.get("self").active)
        self.refused(401, me.rotate, self_rotate=True)
        self.refused(401, self.login(new["token"]).personal_access_tokens.get, "self")

    def test_too_narrow_a_token_is_refused_with_the_scopes_that_would_do(self):
        user = self.login("admin").users.get(self.seeded["users"]["owner"], lazy=True)
        made = user.personal_access_tokens.create({"name": "n", "scopes": ["self_rotate"], "expires_at": self.day(9)})
        error = self.refused(403, self.login(made.token).projects.get, "acme/app")
        self.assertIn(b"insufficient_scope", error.response_body)


class ResourceTokens(Case):
    def test_a_project_token_is_listed_rotated_and_keeps_its_bot(self):
        project = self.project()
        [old] = [token for token in project.access_tokens.list(get_all=True) if token.name == "deploy"]
        self.assertEqual(old.id, self.seeded["tokens"]["project"]["id"])
        new = project.access_tokens.get(old.id).rotate(expires_at=self.day(40))
        self.assertEqual(new["user_id"], old.user_id)
        self.assertEqual(new["access_level"], old.access_level)
        self.assertTrue(new["token"].startswith("glpat-"))
        active = project.access_tokens.list(get_all=True, state="active")
        self.assertEqual([token.id for token in active if token.name == "deploy"], [new["id"]])

    def test_a_project_token_is_made_and_deleted(self):
        project = self.project()
        made = project.access_tokens.create(
            {"name": "short", "scopes": ["read_api"], "access_level": 20, "expires_at": self.day(3)}
        )
        self.assertEqual(self.login(made.token).personal_access_tokens.get("self").name, "short")
        project.access_tokens.delete(made.id)
        self.refused(401, self.login(made.token).personal_access_tokens.get, "self")
        self.refused(404, project.access_tokens.get, 999_999)

    def test_a_group_token_is_rotated_by_an_owner_and_not_by_another_bot(self):
        group = self.group()
        [old] = [token for token in group.access_tokens.list(get_all=True) if token.name == "deploy-all"]
        new = group.access_tokens.get(old.id).rotate(expires_at=self.day(21))
        self.assertEqual(new["expires_at"], self.day(21))
        bot = gitlab.Gitlab(self.url, private_token=self.seeded["tokens"]["project"]["value"])
        lazily = bot.groups.get("acme", lazy=True).access_tokens.get(new["id"], lazy=True)
        self.assertIn(self.refused_any(lazily.rotate), (401, 403, 404))

    def refused_any(self, call):
        with self.assertRaises(gitlab.exceptions.GitlabError) as caught:
            call()
        return caught.exception.response_code

    def test_a_service_account_has_two_tokens_side_by_side(self):
        # The client can only list accounts; this is the one it would find.
        manager = self.group().service_accounts
        account = GroupServiceAccount(manager, {"id": self.seeded["users"]["service_account"]})
        made = account.access_tokens.create({"name": "wheel", "scopes": ["api"], "expires_at": self.day(30)})
        old = self.login("service_account").personal_access_tokens.get("self")
        new = self.login(made.token).personal_access_tokens.get("self")
        self.assertEqual(old.user_id, new.user_id)
        self.assertNotEqual(old.id, new.id)
