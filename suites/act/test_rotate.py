"""The workflow that turns tokens by the clock and by hand, as a user pastes it."""

from stage import Wheel


class Rotate(Wheel):
    def setUp(self):
        super().setUp()
        self.workflow("tokenwheel-rotate")
        self.commit(**{"tokenwheel.yml": self.config})

    def run_by(self, event, **inputs):
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return self.act(event, secrets=self.secrets, inputs=given)

    def take_over(self):
        """All that there is, once, by the button: nobody knew what the places held before."""
        ran = self.run_by(
            "workflow_dispatch", command="rotate", all="true", force="true", reason="take it over", confirm="all"
        )
        self.passes(ran)
        return self.variable("SHARED"), self.variable("OPA")

    def test_the_schedule_turns_what_is_due_says_what_is_left_and_keeps_the_report(self):
        ran = self.run_by("schedule")
        self.assertGreaterEqual(len(self.variable("SHARED")), 32)
        self.assertIsNone(self.variable("OPA"), "what lives is not due, although nothing holds it yet")
        self.fails(ran, "holds nothing yet", "Job failed")
        self.assertEqual(ran.outputs()["exit-code"], "3")
        names = {name.rsplit("/", 1)[-1] for name in self.kept()}
        self.assertLessEqual({"report.md", "report.json"}, names)
        self.leaks_nothing(ran)

    def test_a_green_schedule_touches_nothing_that_is_not_due(self):
        before = self.take_over()
        ran = self.run_by("schedule")
        self.passes(ran)
        self.assertEqual((self.variable("SHARED"), self.variable("OPA")), before)
        self.assertEqual(ran.outputs()["exit-code"], "0")
        self.leaks_nothing(ran)

    def test_the_binary_comes_from_the_release_and_nobody_there_is_told_a_credential(self):
        ran = self.run_by("workflow_dispatch", command="plan")
        self.assertIn("as action/checksums.txt says", ran.text)
        [(path, headers)] = self.release.asked
        self.assertTrue(path.startswith("/v"), path)
        for value in self.secrets.values():
            self.assertNotIn(value, str(headers))

    def test_the_button_plans_unless_told_otherwise(self):
        ran = self.run_by("workflow_dispatch", command="plan")
        self.assertIn("shared", ran.text)
        self.assertEqual(ran.outputs()["exit-code"], "3")
        self.assertIsNone(self.variable("SHARED"))

    def test_an_emergency_turns_the_named_token_and_says_who_asked(self):
        before, other = self.take_over()
        ran = self.run_by(
            "workflow_dispatch",
            command="rotate",
            tokens="shared",
            force="true",
            revoke_now="true",
            reason="it was in a chat",
            confirm="shared",
        )
        self.passes(ran)
        self.assertNotEqual(self.variable("SHARED"), before)
        self.assertEqual(self.variable("OPA"), other)
        self.assertIn("it was in a chat (ada)", "\n".join(self.kept().values()))
        self.leaks_nothing(ran)

    def test_a_leaked_token_is_ended_by_the_button_and_the_next_run_cries_for_another(self):
        _, leaked = self.take_over()
        ran = self.run_by(
            "workflow_dispatch", command="revoke", tokens="opa-agent", reason="it was in a chat", confirm="opa-agent"
        )
        self.passes(ran)
        self.assertIn("token application-token was ended", ran.text)
        self.assertEqual(self.variable("OPA"), leaked)
        # DAS makes no token: what was ended is for a person to make again, and that is said as loudly as can be.
        again = self.run_by("schedule")
        self.fails(again, "act now")
        self.assertEqual((again.outputs()["exit-code"], again.outputs()["at-risk"]), ("4", "opa-agent"))
        self.assertIn("opa-agent", "".join(again.commands("error")))
        self.leaks_nothing(ran)
        self.leaks_nothing(again)

    def test_what_is_not_typed_twice_does_nothing(self):
        before = self.take_over()
        fetched = len(self.release.asked)
        dangerous = ({"command": "rotate", "force": "true"}, {"command": "rotate", "revoke_now": "true"})
        dangerous += ({"command": "revoke"}, {"command": "rotate", "force": "true", "all": "true"})
        for asked in dangerous:
            for tokens, confirm in (("shared", ""), ("shared", "share"), ("", ""), ("shared", "opa-agent")):
                ran = self.run_by("workflow_dispatch", tokens=tokens, reason="a test", confirm=confirm, **asked)
                self.fails(ran, "nothing was attempted", "Compare what was typed twice")
                self.assertNotIn("Turn the wheel", ran.text)
        self.assertEqual((self.variable("SHARED"), self.variable("OPA")), before)
        self.assertEqual(len(self.release.asked), fetched)

    def test_text_that_somebody_typed_is_text(self):
        """Neither the shell nor the runner takes a word of it for a command."""
        trap = self.folder / "trap"
        typed = (
            f"$(touch {trap})",
            f"`touch {trap}`",
            f'"; touch {trap}; "',
            f"x\n::set-output name=evil::yes\ntouch {trap}",
            "x\n##[set-output name=evil;]yes",
            "${{ secrets.DAS_REFRESHER }}",
            "--all",
        )
        for text in typed:
            ran = self.run_by("workflow_dispatch", command="plan", tokens=text, reason=text)
            self.fails(ran, "as action/checksums.txt says", "nothing was attempted")
            self.assertFalse(trap.exists(), text)
            self.assertNotIn("evil", ran.outputs())
            self.leaks_nothing(ran)
        self.assertIsNone(self.variable("SHARED"))

    def test_a_dead_credential_fails_the_job_and_stops_nothing_else(self):
        self.secrets["DAS_REFRESHER"] = "made-up-0123456789abcdef0123456789abcdef"
        ran = self.run_by("schedule")
        self.fails(ran, "Job failed")
        self.assertIn(ran.outputs()["exit-code"], ("3", "4"))
        self.assertIn("report.json", "\n".join(self.kept()))
        self.assertIsNotNone(self.variable("SHARED"))
        self.leaks_nothing(ran)
