"""One workflow for many repositories: the caller and the called, as they stand."""

from stage import EXAMPLES, Wheel


class Reuse(Wheel):
    def setUp(self):
        super().setUp()
        # act looks for both in one place; on GitHub they are in two repositories.
        self.workflow("tokenwheel-reusable")
        caller = (EXAMPLES / "tokenwheel-caller.yml").read_text(encoding="utf-8")
        self.workflow("tokenwheel", caller)
        # The caller hands over one secret, and its config needs no other.
        lines = self.config.splitlines(keepends=True)
        config = "".join(line for line in lines if not line.startswith("  das:"))
        start, end = config.index("  opa-agent:"), config.index("ledger:")
        self.commit(**{"tokenwheel.yml": config[:start] + config[end:]})

    def test_the_called_workflow_turns_the_tokens_of_the_caller(self):
        ran = self.act("schedule", secrets=self.secrets)
        self.assertGreaterEqual(len(self.variable("SHARED") or ""), 32, ran.text)
        self.passes(ran)
        self.assertEqual(ran.outputs()["rotated"], "shared")
        self.assertIn("report.json", "\n".join(self.kept()))
        self.leaks_nothing(ran)
