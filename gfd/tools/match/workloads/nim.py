"""The kinds of NVIDIA's NIM operator (apps.nvidia.com/v1alpha1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR
from gfd.tools.match.podspec.fields import find
from gfd.tools.match.workloads.composition import POD_FIELDS, compose, compose_container, pick
from gfd.tools.match.workloads.counts import read_number
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.workloads.kind import PodTemplate, Reader


def _compose_nim(spec: Value) -> Value:
    """Return the PodSpec of a NIMService; its model is on a volume."""
    claim = find(spec, "storage", "pvc") or find(spec, "storage", "nimCache")
    volume = claim and compose(claim, persistentVolumeClaim=compose(claim, claimName=claim.member("name")))
    container = compose(spec, resources=spec.member("resources"))
    volumes = [volume] if volume else None
    return compose(spec, containers=[container], volumes=volumes, **pick(spec, *POD_FIELDS))


def _is_spread(spec: Value) -> bool:
    return read_number(spec, "multiNode", "parallelism", "pipeline") > 1


def _count_replicas(spec: Value) -> int:
    scaling = find(spec, "scale", "enabled")
    path = ("scale", "hpa", "minReplicas") if scaling and scaling.content else ("replicas",)
    return read_number(spec, *path)


def _list_unjudged(spec: Value) -> Iterator[str]:
    limits = find(spec, "resources", "limits")
    if not any(name.startswith(VENDOR) for name in (limits.mapping() if limits else ())):
        yield "resources: without GPUs in limits, the NIM operator requests those of the model's profile"
    if spec.member("draResources"):
        yield "draResources: gfd does not judge resource claims of a NIMService"


def _count_pods(spec: Value) -> int:
    """Return the number of pods of a NIMService, or of each replica that spans several nodes."""
    return (
        read_number(spec, "multiNode", "parallelism", "pipeline")
        if _is_spread(spec)
        else _count_replicas(spec)
    )


def _count_groups(spec: Value) -> int | None:
    return _count_replicas(spec) if _is_spread(spec) else None


def _count_service_pods(service: Value) -> int:
    """Return the number of pods of a service of a NIMPipeline; none if it is switched off."""
    enabled = service.member("enabled")
    return 0 if enabled and enabled.content is False else _count_pods(service.field("spec"))


_SERVICE = Kind(PodSet(spec=_compose_nim, count=_count_pods, groups=_count_groups, unjudged=_list_unjudged))
_PIPELINE = Kind(
    PodSet(
        owner="spec.services[]",
        spec=lambda service: _compose_nim(service.field("spec")),
        title="service",
        count=_count_service_pods,
        groups=lambda service: _count_groups(service.field("spec")),
        unjudged=lambda service: _list_unjudged(service.field("spec")),
    )
)


def _compose_cache(spec: Value) -> Value:
    """Return the PodSpec of the job that fills a NIMCache."""
    container = compose_container(spec, pick(spec.field("resources"), "cpu", "memory"))
    return compose(spec, containers=[container], **pick(spec, *POD_FIELDS))


def _read_cache(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pod of a NIMCache, which needs the nodes of the GPUs but no GPU."""
    for template in Kind(PodSet(spec=_compose_cache, is_alone=True)).read(manifest):
        yield replace(template, adjust=lambda pod: replace(pod, notes=()))


KINDS: Mapping[tuple[str, str], Reader] = {
    ("apps.nvidia.com", "NIMService"): _SERVICE.read,
    ("apps.nvidia.com", "NIMPipeline"): _PIPELINE.read,
    ("apps.nvidia.com", "NIMCache"): _read_cache,
}
