"""What tokenwheel applied, read by the client."""

import os
import pathlib
import subprocess
import tempfile

from sandbox import Case, decoded

CONFIG = """
version: 1
every: 12h
connections:
  cluster: {{ service: kubernetes, url: "{url}", token: env:CLUSTER }}
tokens:
  shared:
    issuer: {{ kind: random/secret, name: shared, ttl: 30d, create: true }}
    destinations: [{{ kind: kubernetes/secret, namespace: apps, name: {name}, key: {key}{more} }}]
ledger: {{ kind: file, path: ledger.json }}
"""


class Delivers(Case):
    def run_wheel(self, *args, name="shared", key="token", more="", who="wheel"):
        """Runs the binary with nothing else in its environment; gives its exit code and all that it printed."""
        folder = pathlib.Path(self.folder.name)
        config = CONFIG.format(url=self.url, name=name, key=key, more=more)
        (folder / "tokenwheel.yml").write_text(config, encoding="utf-8")
        ran = subprocess.run(
            [os.environ["TOKENWHEEL_BINARY"], *args],
            cwd=folder,
            env={"CLUSTER": self.seeded["accounts"][who]},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        return ran.returncode, ran.stdout + ran.stderr

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def force(self, **place):
        return self.run_wheel("rotate", "--only", "shared", "--force", "--reason", "a test asks for it", **place)

    def test_one_key_is_applied_the_pods_are_restarted_and_the_rest_stays(self):
        before = self.read("shared")
        generation = self.apps().read_namespaced_deployment("web", "apps").metadata.generation
        code, printed = self.force(more=", restart: [deployment/web]")
        self.assertEqual(code, 0, printed)
        after = self.read("shared")
        value = decoded(after)["token"]
        self.assertNotEqual(value, decoded(before)["token"])
        self.assertGreaterEqual(len(value), 32)
        self.assertNotIn(value, printed)
        self.assertEqual(decoded(after)["theirs"], "stays")
        self.assertEqual(after.metadata.labels, before.metadata.labels)
        # One manager owns that key, and no other.
        owners = [
            (one.manager, one.operation)
            for one in after.metadata.managed_fields
            if "f:token" in one.fields_v1.get("f:data", {})
        ]
        self.assertEqual(len(owners), 1, owners)
        self.assertTrue(owners[0][0].startswith("tokenwheel") and owners[0][1] == "Apply", owners)
        deployment = self.apps().read_namespaced_deployment("web", "apps")
        self.assertEqual(deployment.metadata.generation, generation + 1)
        self.assertEqual(deployment.status.observed_generation, generation + 1)
        self.assertEqual(deployment.status.updated_replicas, deployment.spec.replicas)
        self.assertIn("kubectl.kubernetes.io/restartedAt", deployment.spec.template.metadata.annotations)
        # The next run sees it there, and writes nothing.
        code, printed = self.run_wheel("rotate", more=", restart: [deployment/web]")
        self.assertEqual(code, 0, printed)
        self.assertEqual(self.read("shared").metadata.resource_version, after.metadata.resource_version)

    def test_what_it_makes_is_there_whole(self):
        code, printed = self.force(name="made", more=", create: {}")
        self.assertEqual(code, 0, printed)
        made = self.read("made")
        self.assertEqual((made.type, list(made.data)), ("Opaque", ["token"]))

    def test_a_key_of_another_manager_is_left_alone_and_its_owner_named(self):
        code, printed = self.force(name="synced", key="bearer_token", who="admin")
        self.assertNotEqual(code, 0, printed)
        self.assertIn("external-secrets-controller", printed)
        self.assertEqual(decoded(self.read("synced")), {"bearer_token": "old"})
