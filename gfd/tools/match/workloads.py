"""Find the pods of an object, by its kind.

To add a kind, add an entry to :data:`WORKLOADS`. Any other object is searched for pod templates.
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gfd.tools.match import argo, kueue
from gfd.tools.match.devices import POD_FIELDS
from gfd.tools.match.fields import read_items, read_text, require
from gfd.tools.match.indentation import check_indentation
from gfd.tools.match.pods import Pod, make_pod
from gfd.tools.match.podspec import read_pod_spec
from gfd.tools.match.tolerations import list_daemon_tolerations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.manifests import Manifest

    Reader = Callable[[Manifest], Iterator[Pod]]

_TEMPLATE = ("spec", "template", "spec")


def _read_at(*path: str) -> Reader:
    """Return a function that reads the one PodSpec at ``path``."""

    def read(manifest: Manifest) -> Iterator[Pod]:
        yield _read_pod_at(manifest, _find_spec(manifest.value, path))

    return read


def _find_spec(value: Value, path: tuple[str, ...]) -> Value:
    """Return the PodSpec at ``path``. Raises DocumentError if it is missing or misplaced."""
    for depth, name in enumerate(path):
        for stray in map(value.member, (*POD_FIELDS, "containers")):
            if stray:
                target = ".".join(filter(None, (value.path, *path[depth:])))
                raise stray.error(f"unknown key; move it to {target}")
        value = require(value, name)
    return value


def _read_pod_at(manifest: Manifest, spec: Value, part: str = "") -> Pod:
    return make_pod(manifest, read_pod_spec(spec), line=spec.line if part else manifest.value.line, part=part)


def _read_pod(manifest: Manifest) -> Iterator[Pod]:
    """Yield the pod. If it comes from the API server, the scheduler has chosen its node."""
    pod = _read_pod_at(manifest, _find_spec(manifest.value, ("spec",)))
    node_name = pod.spec.node_name
    if node_name and read_text(manifest.value, "metadata", "uid"):
        has_ended = read_text(manifest.value, "status", "phase") in ("Succeeded", "Failed")
        spec = replace(pod.spec, node_name="", current_node="" if has_ended else node_name)
        pod = replace(pod, spec=spec, notes=(*pod.notes, f"the pod is on node {node_name} already"))
    yield pod


def _read_daemon_set(manifest: Manifest) -> Iterator[Pod]:
    value = _find_spec(manifest.value, _TEMPLATE)
    pod = _read_pod_at(manifest, value)
    network = value.member("hostNetwork")
    added = list_daemon_tolerations(has_host_network=bool(network and network.content))
    yield replace(pod, spec=replace(pod.spec, tolerations=(*pod.spec.tolerations, *added)))


def _read_job_set(manifest: Manifest) -> Iterator[Pod]:
    for job in read_items(manifest.value, "spec", "replicatedJobs"):
        spec = _find_spec(job, ("template", *_TEMPLATE))
        yield _read_pod_at(manifest, spec, f"replicatedJob {read_text(job, 'name') or job.path}")


WORKLOADS: Mapping[tuple[str, str], Reader] = {
    ("v1", "Pod"): _read_pod,
    ("v1", "PodTemplate"): _read_at("template", "spec"),
    ("v1", "ReplicationController"): _read_at(*_TEMPLATE),
    ("apps/v1", "Deployment"): _read_at(*_TEMPLATE),
    ("apps/v1", "StatefulSet"): _read_at(*_TEMPLATE),
    ("apps/v1", "ReplicaSet"): _read_at(*_TEMPLATE),
    ("apps/v1", "DaemonSet"): _read_daemon_set,
    ("batch/v1", "Job"): _read_at(*_TEMPLATE),
    ("batch/v1", "CronJob"): _read_at("spec", "jobTemplate", *_TEMPLATE),
    ("jobset.x-k8s.io", "JobSet"): _read_job_set,
    (argo.GROUP, "Workflow"): argo.read_workflow,
    (argo.GROUP, "WorkflowTemplate"): argo.read_workflow,
    (argo.GROUP, "ClusterWorkflowTemplate"): argo.read_workflow,
    (argo.GROUP, "CronWorkflow"): argo.read_cron_workflow,
    ("kueue.x-k8s.io", "ResourceFlavor"): kueue.read_resource_flavor,
}
"""Functions that read the pods of an object, by apiVersion (or group, for all versions) and kind."""


def read_workload(manifest: Manifest) -> list[Pod]:
    """Return the pods of an object; none if it has none.

    Raises DocumentError for an object that the API server would refuse.
    """
    for version in (manifest.api_version, manifest.group):
        if read := WORKLOADS.get((version, manifest.kind)):
            check_indentation(manifest.value)
            if not manifest.name:
                raise manifest.value.field("metadata").error("needs a name or a generateName")
            return list(read(manifest))
    specs = list(_find_pod_specs(manifest.value))
    _check_kind(manifest, has_pods=bool(specs))
    return [_read_pod_at(manifest, spec, spec.path.removesuffix(".spec")) for spec in specs]


def _check_kind(manifest: Manifest, *, has_pods: bool) -> None:
    """Raise DocumentError for a kind that Kubernetes' own API groups probably do not have."""
    versions = {kind: version for version, kind in WORKLOADS}
    is_own = "." not in manifest.group or manifest.group.endswith(".k8s.io")
    right = versions.get(manifest.kind)
    near = [] if right else get_close_matches(manifest.kind, versions, n=1, cutoff=0.85)
    if is_own and (right or near or has_pods):
        hint = f"; write apiVersion: {right}" if right else f"; did you mean {near[0]}?" if near else ""
        unknown = f"{manifest.api_version} has no kind {manifest.kind!r}{hint}"
        raise manifest.value.field("kind").error(unknown)


def _find_pod_specs(value: Value) -> Iterator[Value]:
    """Yield every PodSpec in an object: a mapping with a list of containers."""
    if isinstance(value.content, tuple):
        for item in value.items():
            yield from _find_pod_specs(item)
    if not isinstance(value.content, dict):
        return
    containers = value.member("containers")
    items = containers.content if containers and isinstance(containers.content, tuple) else ()
    if items and all(isinstance(item.content, dict) for item in items):
        yield value
        return
    for member in value.mapping().values():
        yield from _find_pod_specs(member)
