"""CI/CD variables of a project, a group and the instance, with their scopes and attributes."""

from sandbox import Case


class ProjectVariables(Case):
    def test_a_put_changes_the_value_and_nothing_else(self):
        variables = self.project().variables
        before = variables.get("DEPLOY_TOKEN").attributes
        variables.update("DEPLOY_TOKEN", {"value": "another-value-1"})
        after = variables.get("DEPLOY_TOKEN").attributes
        self.assertEqual(after["value"], "another-value-1")
        self.assertEqual({**before, "value": None}, {**after, "value": None})

    def test_of_two_scopes_one_must_be_named(self):
        variables = self.project().variables
        for scope in ("production", "staging"):
            variables.create({"key": "DAS", "value": f"of-{scope}", "environment_scope": scope})
        self.refused(409, variables.get, "DAS")
        self.refused(409, variables.update, "DAS", {"value": "guess"})
        self.refused(409, variables.delete, "DAS")
        staging = {"environment_scope": "staging"}
        variables.update("DAS", {"value": "new", "filter": staging})
        self.assertEqual(variables.get("DAS", filter=staging).value, "new")
        self.assertEqual(variables.get("DAS", filter={"environment_scope": "production"}).value, "of-production")
        variables.delete("DAS", filter=staging)
        self.assertEqual(variables.get("DAS").environment_scope, "production")

    def test_a_masked_variable_refuses_what_it_cannot_mask(self):
        variables = self.project().variables
        self.refused(400, variables.create, {"key": "M", "value": "short", "masked": True})
        self.refused(400, variables.create, {"key": "M", "value": "with space in it", "masked": True})
        variables.create({"key": "M", "value": "glpat-0123456789abcdef", "masked": True, "raw": True})
        self.refused(400, variables.update, "M", {"value": "two\nlines"})
        self.assertEqual(variables.get("M").value, "glpat-0123456789abcdef")

    def test_a_hidden_variable_is_never_shown_again(self):
        variables = self.project().variables
        variables.create({"key": "H", "value": "hidden-value-1", "masked_and_hidden": True})
        shown = variables.get("H")
        self.assertIsNone(shown.value)
        self.assertTrue(shown.hidden and shown.masked)
        variables.update("H", {"value": "hidden-value-2"})
        self.assertIsNone(variables.get("H").value)

    def test_a_second_one_of_the_same_key_and_scope_is_refused(self):
        variables = self.project().variables
        variables.create({"key": "ONCE", "value": "a"})
        self.refused(400, variables.create, {"key": "ONCE", "value": "b"})
        self.assertEqual(variables.get("ONCE").value, "a")
        variables.delete("ONCE")
        self.refused(404, variables.get, "ONCE")

    def test_a_listing_goes_over_pages(self):
        variables = self.project().variables
        for number in range(45):
            variables.create({"key": f"PAGED_{number:02}", "value": "x"})
        all_of_them = variables.list(iterator=True, per_page=20)
        keys = [variable.key for variable in all_of_them if variable.key.startswith("PAGED_")]
        self.assertEqual(len(set(keys)), 45)


class OtherVariables(Case):
    def test_a_group_s_variable_is_read_and_written(self):
        variables = self.group().variables
        variables.update("DEPLOY_TOKEN", {"value": "of-the-group-1", "filter": {"environment_scope": "*"}})
        self.assertEqual(variables.get("DEPLOY_TOKEN").value, "of-the-group-1")
        self.assertTrue(variables.get("DEPLOY_TOKEN").masked)

    def test_the_instance_s_variables_are_for_administrators(self):
        self.assertTrue(self.login("admin").variables.get("DEPLOY_TOKEN").masked)
        self.refused(403, self.login("owner").variables.get, "DEPLOY_TOKEN")

    def test_a_token_that_only_reads_changes_nothing(self):
        group_token = self.login("group").groups.get("acme", lazy=True)
        self.refused(403, group_token.variables.update, "DEPLOY_TOKEN", {"value": "sneaky-value"})
        self.assertNotEqual(self.group().variables.get("DEPLOY_TOKEN").value, "sneaky-value")
