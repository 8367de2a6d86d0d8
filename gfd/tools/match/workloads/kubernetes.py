"""The kinds of Kubernetes itself and of its own projects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.podspec.tolerations import list_daemon_tolerations
from gfd.tools.match.workloads.counts import count_at, count_job_pods, read_number, start_all_together
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.workloads.kind import PodTemplate, Reader

_TEMPLATE = "template.spec"


def _read_pod(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pod. If it comes from the API server, the scheduler has chosen its node."""

    def adjust(pod: Pod) -> Pod:
        node_name = pod.spec.node_name
        if not node_name or not read_text(manifest.value, "metadata", "uid"):
            return pod
        has_ended = read_text(manifest.value, "status", "phase") in ("Succeeded", "Failed")
        spec = replace(pod.spec, node_name="", current_node="" if has_ended else node_name)
        return replace(pod, spec=spec, notes=(*pod.notes, f"the pod is on node {node_name} already"))

    for template in Kind(PodSet(owner="", spec="spec")).read(manifest):
        yield replace(template, adjust=adjust)


def _read_daemon_set(manifest: Manifest) -> Iterator[PodTemplate]:
    def adjust(pod: Pod) -> Pod:
        network = find(manifest.value, "spec", "template", "spec", "hostNetwork")
        added = list_daemon_tolerations(has_host_network=bool(network and network.content))
        return replace(pod, spec=replace(pod.spec, tolerations=(*pod.spec.tolerations, *added)))

    for template in Kind(PodSet(spec=_TEMPLATE)).read(manifest):
        yield replace(template, adjust=adjust)


def _count_replicated_job(job: Value) -> int:
    spec = find(job, "template", "spec")
    return read_number(job, "replicas") * (count_job_pods(spec) if spec else 1)


def _find_jobs_before(job: Value) -> Iterator[str]:
    for each in read_items(job, "dependsOn"):
        if read_text(each, "status") == "Complete":
            yield read_text(each, "name")


def _read_job_set(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pods of each job; a job whose end others wait for does not run beside them."""
    jobs = read_items(manifest.value, "spec", "replicatedJobs")
    before = {name for job in jobs for name in _find_jobs_before(job)}
    for template in _JOB_SET.read(manifest):
        name = template.part.removeprefix("replicatedJob ")
        if name in before:
            yield replace(template, is_alone=True, gang=f"{template.gang}, {name}" if template.gang else "")
        else:
            yield template


_JOB_SET = Kind(
    PodSet(
        owner="spec.replicatedJobs[]",
        spec=f"template.spec.{_TEMPLATE}",
        title="replicatedJob",
        count=_count_replicated_job,
    ),
    minimum=start_all_together,
)


def _read_size(owner: Value) -> int:
    return read_number(owner, "leaderWorkerTemplate", "size", minimum=1)


def _has_leader(owner: Value) -> bool:
    return find(owner, "leaderWorkerTemplate", "leaderTemplate") is not None


def _find_leader(owner: Value) -> Value | None:
    return find(owner, "leaderWorkerTemplate", "leaderTemplate", "spec")


def _count_groups(owner: Value) -> int | None:
    return read_number(owner, "replicas") if _read_size(owner) > 1 else None


_LEADER_WORKER_SET = Kind(
    PodSet(
        spec=_find_leader,
        template="leaderWorkerTemplate.leaderTemplate",
        title="leader",
        count=lambda owner: 1 if _read_size(owner) > 1 else read_number(owner, "replicas"),
        groups=_count_groups,
    ),
    PodSet(
        spec="leaderWorkerTemplate.workerTemplate.spec",
        title="workers",
        count=lambda owner: (
            _read_size(owner) - _has_leader(owner)
            if _read_size(owner) > 1
            else read_number(owner, "replicas") * (not _has_leader(owner))
        ),
        groups=_count_groups,
    ),
)
"""Without a template of its own, the leader is made of the workers' template."""

KINDS: Mapping[tuple[str, str], Reader] = {
    ("v1", "Pod"): _read_pod,
    ("v1", "PodTemplate"): Kind(PodSet(owner="", is_alone=True)).read,
    ("v1", "ReplicationController"): Kind(PodSet(count=count_at("replicas"))).read,
    ("apps/v1", "Deployment"): Kind(PodSet(count=count_at("replicas"))).read,
    ("apps/v1", "StatefulSet"): Kind(PodSet(count=count_at("replicas"))).read,
    ("apps/v1", "ReplicaSet"): Kind(PodSet(count=count_at("replicas"))).read,
    ("apps/v1", "DaemonSet"): _read_daemon_set,
    ("batch/v1", "Job"): Kind(PodSet(count=count_job_pods)).read,
    ("batch/v1", "CronJob"): Kind(PodSet(owner="spec.jobTemplate.spec", count=count_job_pods)).read,
    ("jobset.x-k8s.io", "JobSet"): _read_job_set,
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"): _LEADER_WORKER_SET.read,
}
