"""Secrets: who may write what, and who is told about it."""

from kubernetes import client

from sandbox import APPLY, MERGE, NAMESPACE, Case, decoded, encoded


class Applies(Case):
    def test_what_another_manager_owns_is_a_conflict_that_names_it(self):
        body = self.refused(409, self.apply, "synced", {"bearer_token": "ours"})
        self.assertEqual(body["reason"], "Conflict")
        self.assertEqual(
            body["message"],
            'Apply failed with 1 conflict: conflict with "external-secrets-controller": .data.bearer_token',
        )
        self.assertEqual(
            body["details"]["causes"],
            [
                {
                    "reason": "FieldManagerConflict",
                    "message": 'conflict with "external-secrets-controller"',
                    "field": ".data.bearer_token",
                }
            ],
        )
        self.assertEqual(decoded(self.read("synced")), {"bearer_token": "old"})

    def test_the_same_value_is_owned_by_both_and_force_takes_it_over(self):
        self.apply("made-both", {"a": "one"}, field_manager="theirs")
        both = self.apply("made-both", {"a": "one"}, field_manager="ours")
        self.assertEqual([one.manager for one in both.metadata.managed_fields], ["theirs", "ours"])
        self.refused(409, self.apply, "made-both", {"a": "two"}, field_manager="ours")
        forced = self.apply("made-both", {"a": "two"}, field_manager="ours", force=True)
        self.assertEqual(decoded(forced), {"a": "two"})
        body = self.refused(409, self.apply, "made-both", {"a": "one"}, field_manager="theirs")
        self.assertIn('conflict with "ours": .data.a', body["message"])
        # Force that is said to be off is off.
        self.refused(409, self.apply, "made-both", {"a": "one"}, field_manager="theirs", force=False)

    def test_a_key_that_is_not_applied_again_goes_and_the_keys_of_others_stay(self):
        self.apply("made-two", {"a": "1", "b": "2"})
        self.apply("made-two", {"c": "3"}, field_manager="other")
        self.assertEqual(decoded(self.apply("made-two", {"a": "1"})), {"a": "1", "c": "3"})

    def test_a_rehearsal_tells_what_would_be_and_stores_nothing(self):
        before = self.read("shared")
        dry = self.apply("shared", {"token": "dry"}, field_manager="tokenwheel-token", dry_run="All")
        self.assertEqual(decoded(dry)["token"], "dry")
        after = self.read("shared")
        self.assertEqual(after.metadata.resource_version, before.metadata.resource_version)
        self.assertEqual(decoded(after), decoded(before))
        self.apply("made-dry", {"a": "1"}, dry_run="All")
        self.refused(404, self.read, "made-dry")
        self.refused(409, self.apply, "synced", {"bearer_token": "ours"}, dry_run="All")

    def test_a_write_of_what_is_there_changes_no_version(self):
        first = self.apply("made-still", {"a": "1"})
        again = self.apply("made-still", {"a": "1"})
        self.assertEqual(first.metadata.resource_version, again.metadata.resource_version)
        changed = self.apply("made-still", {"a": "2"})
        self.assertGreater(int(changed.metadata.resource_version), int(first.metadata.resource_version))


class Refuses(Case):
    def test_an_apply_by_nobody_a_changed_type_and_a_frozen_secret_are_invalid(self):
        body = self.refused(422, self.apply, "shared", {"token": "a"}, field_manager=None)
        self.assertIn("fieldManager: Required value: is required for apply patch", body["message"])
        self.assertEqual(body["reason"], "Invalid")
        body = self.refused(422, self.apply, "shared", {"token": "a"}, type="kubernetes.io/tls", force=True)
        self.assertIn("field is immutable", body["message"])
        body = self.refused(422, self.apply, "frozen", {"token": "another"}, force=True)
        self.assertIn("field is immutable when `immutable` is set", body["message"])

    def test_what_is_not_base64_is_a_failure_of_the_server(self):
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shared"}, "data": {"token": "%%%"}}
        told = self.refused(
            500, self.core().patch_namespaced_secret, "shared", NAMESPACE, body,
            field_manager="tokenwheel-token", _content_type=APPLY,
        )
        self.assertIsNone(told["reason"])

    def test_a_stale_version_is_a_conflict_and_a_fresh_one_is_not(self):
        version = self.read("shared").metadata.resource_version

        def patch(value):
            body = {"metadata": {"resourceVersion": version}, "data": {"theirs": encoded(value)}}
            return self.core().patch_namespaced_secret("shared", NAMESPACE, body, _content_type=MERGE)

        self.assertEqual(decoded(patch("first"))["theirs"], "first")
        body = self.refused(409, patch, "second")
        self.assertEqual(body["reason"], "Conflict")
        self.assertIn("the object has been modified", body["message"])

    def test_roles_are_kept_to_the_name_and_the_verb(self):
        signon = self.core("signon")
        body = self.refused(403, signon.read_namespaced_secret, "shared", NAMESPACE)
        self.assertEqual(
            body["message"],
            'secrets "shared" is forbidden: User "system:serviceaccount:apps:signon" cannot get resource "secrets" in '
            'API group "" in the namespace "apps"',
        )
        self.assertEqual(self.apply("made-by-signon", {"a": "1"}, who="signon").type, "Opaque")
        # To create is not enough for an apply of what is not there: it is a patch.
        body = self.refused(403, self.apply, "another", {"a": "1"}, who="wheel")
        self.assertIn("cannot patch resource", body["message"])

    def test_a_stranger_and_a_namespace_that_is_not_there(self):
        stranger = client.CoreV1Api(self.client("nobody"))
        self.assertEqual(self.refused(401, stranger.read_namespaced_secret, "shared", NAMESPACE)["reason"], "Unauthorized")
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {}}
        told = self.refused(
            404, self.core().patch_namespaced_secret, "a", "nope", body, field_manager="a",
            _content_type=APPLY,
        )
        self.assertEqual(told["message"], 'namespaces "nope" not found')

    def test_everybody_is_told_who_it_is(self):
        review = client.V1SelfSubjectReview(api_version="authentication.k8s.io/v1", kind="SelfSubjectReview")
        told = client.AuthenticationV1Api(self.login("wheel")).create_self_subject_review(review)
        self.assertEqual(told.status.user_info.username, "system:serviceaccount:apps:wheel")
