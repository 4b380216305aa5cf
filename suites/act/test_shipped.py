"""What is shipped says the same everywhere: the action and its page, the examples and their pins."""

import re
import unittest

from stage import EXAMPLES, ROOT, VERSION

WORKFLOWS = [*EXAMPLES.glob("*.yml"), *(ROOT / ".github" / "workflows").glob("*.yml")]


def section(text, name):
    """The names below a key at the top of a YAML file."""
    _, _, after = text.partition(f"\n{name}:\n")
    body = re.split(r"(?m)^\w", after)[0]
    return re.findall(r"(?m)^  ([\w-]+):$", body)


class Shipped(unittest.TestCase):
    def setUp(self):
        self.action = (ROOT / "action.yml").read_text(encoding="utf-8")
        self.page = (ROOT / "docs" / "github.md").read_text(encoding="utf-8")

    def test_every_input_reaches_a_script_and_no_script_by_its_text(self):
        inputs = section(self.action, "inputs")
        self.assertGreater(len(inputs), 10)
        self.assertEqual(set(re.findall(r"inputs\.([\w-]+)", self.action)), set(inputs))
        for line in self.action.splitlines():
            if line.strip().startswith("run:"):
                self.assertNotIn("${{", line)

    def test_the_page_has_every_input_and_output_and_no_other(self):
        table = "\n".join(line.split("|")[1] for line in self.page.splitlines() if line.startswith("| `"))
        named = set(re.findall(r"`([\w-]+)`", table))
        # Beside them the page shows words that an input takes, in another column.
        self.assertEqual(named, set(section(self.action, "inputs") + section(self.action, "outputs")))

    def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(self):
        ours = 0
        for file in WORKFLOWS:
            for line in file.read_text(encoding="utf-8").splitlines():
                _, uses, used = line.partition("uses: ")
                if not uses or used.startswith("acme/"):
                    continue
                if used.startswith("tokenwheel/"):
                    ours += 1
                    self.assertEqual(used, f"tokenwheel/tokenwheel@v{VERSION}", file)
                else:
                    self.assertRegex(used, r"^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", file)
        self.assertEqual(ours, 4)

    def test_one_action_has_one_pin(self):
        pins = {}
        for file in WORKFLOWS:
            for name, pin in re.findall(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40})", file.read_text(encoding="utf-8")):
                pins.setdefault(name, set()).add(pin)
        self.assertEqual({name: pin for name, pin in pins.items() if len(pin) != 1}, {})

    def test_no_job_has_more_rights_than_it_says_and_none_is_cancelled_while_it_turns(self):
        for file in WORKFLOWS:
            text = file.read_text(encoding="utf-8")
            self.assertIn("\npermissions: {}\n", text, file)
            if "check" not in file.name and file.name != "ci.yml":
                self.assertNotIn("cancel-in-progress: true", text, file)
            self.assertNotIn("secrets: inherit", text, file)
            self.assertEqual(text.count("uses: actions/checkout@"), text.count("persist-credentials: false"), file)
