"""Restarts, and Jobs of CronJobs."""

import datetime

from kubernetes import client

from sandbox import NAMESPACE, STRATEGIC, Case


def restart():
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}}


class Restarts(Case):
    def test_a_restart_is_unseen_then_rolls_and_then_is_done(self):
        apps = self.apps("wheel")
        before = apps.read_namespaced_deployment("web", NAMESPACE)
        self.assertEqual(before.status.observed_generation, before.metadata.generation)
        patched = apps.patch_namespaced_deployment(
            "web", NAMESPACE, restart(), field_manager="tokenwheel", _content_type=STRATEGIC
        )
        self.assertEqual(patched.metadata.generation, before.metadata.generation + 1)
        # The old status still stands, and its condition says that all is done.
        self.assertEqual(patched.status.observed_generation, before.metadata.generation)
        progressing = next(one for one in patched.status.conditions if one.type == "Progressing")
        self.assertEqual((progressing.status, progressing.reason), ("True", "NewReplicaSetAvailable"))

        def look():
            return apps.read_namespaced_deployment("web", NAMESPACE)

        def seen():
            one = look()
            return one if one.status.observed_generation >= patched.metadata.generation else None

        rolling = self.until(seen)
        self.assertLess(rolling.status.updated_replicas, rolling.spec.replicas)
        self.assertGreater(rolling.status.replicas, rolling.spec.replicas)

        def done():
            one = look()
            n, status = one.spec.replicas, one.status
            return (status.updated_replicas, status.replicas, status.available_replicas) == (n, n, n)

        self.until(done)

    def test_the_same_annotation_again_is_no_restart(self):
        body = restart()
        apps = self.apps()
        first = apps.patch_namespaced_stateful_set("store", NAMESPACE, body, _content_type=STRATEGIC)
        again = apps.patch_namespaced_stateful_set("store", NAMESPACE, body, _content_type=STRATEGIC)
        self.assertEqual(first.metadata.generation, again.metadata.generation)

        def done():
            one = apps.read_namespaced_stateful_set("store", NAMESPACE)
            seen = one.status.observed_generation >= first.metadata.generation
            return seen and one.status.updated_replicas == one.spec.replicas

        self.until(done)

    def test_a_daemon_set_rolls_on_every_node(self):
        apps = self.apps()
        patched = apps.patch_namespaced_daemon_set("agent", NAMESPACE, restart(), _content_type=STRATEGIC)

        def done():
            status = apps.read_namespaced_daemon_set("agent", NAMESPACE).status
            seen = status.observed_generation >= patched.metadata.generation
            return seen and status.updated_number_scheduled == status.desired_number_scheduled

        self.until(done)

    def test_what_is_not_there_or_not_allowed_is_refused(self):
        body = self.refused(404, self.apps().read_namespaced_deployment, "none", NAMESPACE)
        self.assertEqual(body["message"], 'deployments.apps "none" not found')
        self.refused(403, self.apps("wheel").read_namespaced_stateful_set, "store", NAMESPACE)


class Jobs(Case):
    def job(self, cron_job, name):
        """As `kubectl create job --from=cronjob/…` makes one."""
        batch = self.batch("wheel")
        found = batch.read_namespaced_cron_job(cron_job, NAMESPACE)
        template = found.spec.job_template
        job = client.V1Job(
            api_version="batch/v1",
            kind="Job",
            metadata=client.V1ObjectMeta(
                name=name, labels=template.metadata.labels, annotations={"cronjob.kubernetes.io/instantiate": "manual"}
            ),
            spec=template.spec,
        )
        made = batch.create_namespaced_job(NAMESPACE, job)
        self.assertIsNone(made.status.conditions)
        self.assertEqual(self.refused(409, batch.create_namespaced_job, NAMESPACE, job)["reason"], "AlreadyExists")

        def ended():
            conditions = batch.read_namespaced_job(name, NAMESPACE).status.conditions or []
            return [(one.type, one.reason) for one in conditions if one.status == "True"]

        return self.until(ended)

    def test_a_job_of_a_cron_job_completes(self):
        self.assertEqual(self.job("signon-sync-token-secrets-to-k8s", "sync-by-hand"), [("Complete", None)])
        self.assertIn("bearer_token", self.read(self.seeded["signon"]["synced"]).data)

    def test_a_job_that_fails_says_so_and_never_completes(self):
        ended = self.job("signon-auto-rotate-internal-tokens", "renew-by-hand")
        self.assertEqual(ended, [("Failed", "BackoffLimitExceeded")])

    def test_a_job_without_a_restart_policy_is_invalid(self):
        spec = {"template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": spec}
        told = self.refused(422, self.batch().create_namespaced_job, NAMESPACE, body)
        self.assertIn("restartPolicy: Required value", told["message"])
