"""The pods that an object stands for, by its kind.

A new kind is an entry in :data:`WORKLOADS`; any other object is searched for pod templates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.text import suggest
from gfd.tools.match import argo, indentation, kueue
from gfd.tools.match.devices import SCHEDULING
from gfd.tools.match.pods import Pod, make
from gfd.tools.match.podspec import read_pod_spec
from gfd.tools.match.taints import tolerate_as_daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gfd.tools.match.documents import Document
    from gfd.tools.match.fields import Part


def _at(*path: str) -> Callable[[Document], Iterator[Pod]]:
    """Return what reads the one PodSpec at a path."""

    def read(document: Document) -> Iterator[Pod]:
        yield _read(document, _go(document.part, path))

    return read


def _go(part: Part, path: tuple[str, ...]) -> Part:
    """Return the PodSpec at a path. Raises DocumentError where it is not there, or stands elsewhere."""
    for depth, name in enumerate(path):
        for stray in (*SCHEDULING, "containers"):
            if part.member(stray):
                where = ".".join(filter(None, (part.path, *path[depth:])))
                hint = indentation.find_lost(part) or f"; it belongs into {where}"
                raise part.place(stray).unknown((), hint)
        found = part.member(name)
        if found is None:
            raise part.place(name).refuse("Required value", indentation.find_lost(part))
        part = found
    return part


def _read(document: Document, part: Part, name: str = "") -> Pod:
    return make(document, read_pod_spec(part), line=part.line if name else document.part.line, part=name)


def _read_pod(document: Document) -> Iterator[Pod]:
    """Yield a Pod: one that the API server knows has been put on its Node by the scheduler."""
    pod = _read(document, _go(document.part, ("spec",)))
    is_known = document.part.find("metadata", "uid") is not None
    has_ended = document.part.find("status", "phase")
    if is_known and pod.spec.node_name:
        holder = "" if has_ended and has_ended.value in ("Succeeded", "Failed") else pod.spec.node_name
        pod = replace(
            pod,
            spec=replace(pod.spec, node_name="", placed_on=holder),
            notes=(*pod.notes, f"it has been placed on {pod.spec.node_name} already"),
        )
    yield pod


def _read_daemon_set(document: Document) -> Iterator[Pod]:
    part = _go(document.part, ("spec", "template", "spec"))
    pod = _read(document, part)
    network = part.member("hostNetwork")
    added = tolerate_as_daemon(has_host_network=bool(network and network.value))
    yield replace(pod, spec=replace(pod.spec, tolerations=(*pod.spec.tolerations, *added)))


def _read_job_set(document: Document) -> Iterator[Pod]:
    path = ("spec", "replicatedJobs")
    for job in document.part.items_at(*path, struct="JobSetSpec", expected="[]v1alpha2.ReplicatedJob"):
        name = job.member("name")
        part = _go(job, ("template", "spec", "template", "spec"))
        yield _read(document, part, f"replicatedJob {name.text('ReplicatedJob') if name else job.path}")


_TEMPLATE = ("spec", "template", "spec")
WORKLOADS: Mapping[tuple[str, str], Callable[[Document], Iterator[Pod]]] = {
    ("v1", "Pod"): _read_pod,
    ("v1", "PodTemplate"): _at("template", "spec"),
    ("v1", "ReplicationController"): _at(*_TEMPLATE),
    ("apps/v1", "Deployment"): _at(*_TEMPLATE),
    ("apps/v1", "StatefulSet"): _at(*_TEMPLATE),
    ("apps/v1", "ReplicaSet"): _at(*_TEMPLATE),
    ("apps/v1", "DaemonSet"): _read_daemon_set,
    ("batch/v1", "Job"): _at(*_TEMPLATE),
    ("batch/v1", "CronJob"): _at("spec", "jobTemplate", *_TEMPLATE),
    ("jobset.x-k8s.io", "JobSet"): _read_job_set,
    (argo.GROUP, "Workflow"): argo.read_workflow,
    (argo.GROUP, "WorkflowTemplate"): argo.read_workflow,
    (argo.GROUP, "ClusterWorkflowTemplate"): argo.read_workflow,
    (argo.GROUP, "CronWorkflow"): argo.read_cron_workflow,
    ("kueue.x-k8s.io", "ResourceFlavor"): kueue.read_resource_flavor,
}
"""By apiVersion, or the group of those that come in several versions, and kind."""


def read_pods(document: Document) -> list[Pod]:
    """Return the pods that an object stands for; none where it has nothing to do with pods.

    Raises DocumentError for an object that Kubernetes does not know, or would refuse.
    """
    for version in (document.api_version, document.group):
        if read := WORKLOADS.get((version, document.kind)):
            if not document.name:
                nameless = replace(document.part.place("metadata"), path="metadata.name")
                said = "Required value: name or generateName is required"
                raise nameless.refuse(said, indentation.find_lost(document.part))
            return list(read(document))
    parts = list(_find_pod_specs(document.part))
    _check_kind(document, has_pods=bool(parts))
    return [_read(document, part, part.path.removesuffix(".spec")) for part in parts]


def _check_kind(document: Document, *, has_pods: bool) -> None:
    """Raise DocumentError for a kind that Kubernetes' own API groups do not have, as far as that is known."""
    versions = {kind: version for version, kind in WORKLOADS}
    is_own = "." not in document.group or document.group.endswith(".k8s.io")
    right = versions.get(document.kind)
    near = "" if right else _near(document.kind, versions)
    if is_own and (right or near or has_pods):
        said = f'no matches for kind "{document.kind}" in version "{document.api_version}"'
        hint = f"; {document.kind} is in {right}" if right else near
        raise document.part.place("kind").complain(f"Kubernetes would refuse it: {said}{hint}")


def _near(kind: str, kinds: Mapping[str, str]) -> str:
    from difflib import get_close_matches

    return suggest(kind, kinds) if get_close_matches(kind, kinds, cutoff=0.85) else ""


def _find_pod_specs(part: Part) -> Iterator[Part]:
    """Yield every PodSpec within an object: what has a list of containers."""
    if isinstance(part.value, tuple):
        for item in part.items("", ""):
            yield from _find_pod_specs(item)
    if not isinstance(part.value, dict):
        return
    containers = part.value.get("containers")
    items = containers.content if containers and isinstance(containers.content, tuple) else ()
    if items and all(isinstance(item.content, dict) for item in items):
        yield part
        return
    for name in part.value:
        if found := part.member(name):
            yield from _find_pod_specs(found)
