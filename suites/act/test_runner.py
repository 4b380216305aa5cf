"""What a job is told: values to hide, outputs for the steps after it, a page of its own, annotations."""

import shutil

from stage import VERSION, Case, Wheel

# Two steps: one writes a new value into a file, and the next, which is none of ours, shows the file.
LEAK = f"""name: leak
on: workflow_dispatch
jobs:
  leak:
    runs-on: ubuntu-24.04
    steps:
      - uses: tokenwheel/tokenwheel@v{VERSION}
        id: wheel
        with:
          config: |
            version: 1
            every: 12h
            connections: {{}}
            tokens:
              shared:
                issuer: {{ kind: random/secret, name: shared, ttl: 30d, create: true }}
                destinations:
                  - {{ kind: file, path: value }}
            ledger: {{ kind: file, path: ledger.json }}
      - env:
          ROTATED: ${{{{ steps.wheel.outputs.rotated }}}}
          CODE: ${{{{ steps.wheel.outputs.exit-code }}}}
        run: |
          echo "shown: $(cat value)"
          echo "backwards: $(rev value)"
          echo "told: $ROTATED $CODE"
"""


class Masks(Case):
    def test_a_later_step_that_prints_a_new_value_prints_stars(self):
        self.publish()
        self.workflow("leak", LEAK)
        self.commit()
        ran = self.act("workflow_dispatch")
        self.passes(ran)
        shown = dict(line.split("| ", 1)[1].split(": ", 1) for line in ran.lines() if ": " in line and line[:1] == "|")
        self.assertEqual(shown["shown"], "***")
        # So the value was there to be shown.
        value = shown["backwards"][::-1]
        self.assertGreaterEqual(len(value), 32)
        self.assertNotIn(value, ran.text)
        self.assertEqual(shown["told"], "shared 0")


class AtHome(Case):
    def test_the_action_is_used_from_its_own_repository_too(self):
        self.publish()
        before = f"uses: actions/checkout@{'0' * 40}\n        with: {{ persist-credentials: false }}\n      - uses: ./"
        self.workflow("leak", LEAK.replace(f"uses: tokenwheel/tokenwheel@v{VERSION}", before))
        shutil.copytree(self.action, self.repository, dirs_exist_ok=True)
        self.commit()
        ran = self.act("workflow_dispatch")
        self.passes(ran)
        self.assertEqual(ran.outputs()["rotated"], "shared")


class Told(Wheel):
    def setUp(self):
        super().setUp()
        self.workflow("tokenwheel-rotate")
        self.commit(**{"tokenwheel.yml": self.config})

    def summary(self, ran):
        _, _, after = ran.text.partition("⚙  Summary - ")
        return after.partition("[tokenwheel/Rotate ]")[0]

    def test_outputs_page_and_annotations_say_what_is_left(self):
        ran = self.act("schedule", secrets=self.secrets)
        outputs = ran.outputs()
        self.assertEqual(outputs["exit-code"], "3")
        self.assertEqual(outputs["rotated"], "shared")
        self.assertEqual(outputs["failed"], "opa-agent")
        self.assertEqual(outputs["at-risk"], "")
        self.assertRegex(outputs["next-due"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIn("1 rotated", outputs["summary"])
        page = self.summary(ran)
        for word in ("### tokenwheel rotate", "shared", "opa-agent", "random/secret"):
            self.assertIn(word, page)
        [warning] = ran.commands("warning")
        self.assertIn("opa-agent", warning)
        self.assertEqual(ran.commands("error"), [])
        self.assertEqual(len(ran.commands("group")), 1)
        self.variable("SHARED")
        self.leaks_nothing(ran)

    def test_when_all_is_well_nothing_is_annotated(self):
        asked = {"command": "rotate", "all": "true", "force": "true", "reason": "a test", "confirm": "all"}
        ran = self.act("workflow_dispatch", secrets=self.secrets, inputs=asked)
        self.passes(ran)
        outputs = ran.outputs()
        self.assertEqual((outputs["rotated"], outputs["failed"], outputs["exit-code"]), ("shared,opa-agent", "", "0"))
        self.assertEqual(ran.commands("warning") + ran.commands("error"), [])
        kept = {name.rsplit("/", 1)[-1] for name in self.kept()}
        self.assertLessEqual({"report.md", "report.json", "junit.xml", "metrics.txt", "outputs.env"}, kept)
        self.variable("SHARED"), self.variable("OPA")
        self.leaks_nothing(ran)

    def test_a_job_that_attempted_nothing_says_so_beside_the_step(self):
        ran = self.act("schedule", secrets={"DAS_REFRESHER": self.secrets["DAS_REFRESHER"]})
        self.fails(ran)
        self.assertIn("WHEEL_APP_KEY", "".join(ran.commands("warning") + ran.commands("error")))
        self.assertEqual(ran.outputs()["exit-code"], "2")
