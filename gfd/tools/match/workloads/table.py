"""Find the pods of an object, by its kind.

To add a kind, add an entry to ``KINDS`` of a module here. Any other object is searched for PodSpecs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gfd.tools.match.manifests.indentation import check_indentation
from gfd.tools.match.manifests.pods import Pod, make_pod, read_labels
from gfd.tools.match.podspec.reader import read_pod_spec
from gfd.tools.match.workloads import (
    argo,
    batch,
    dynamo,
    kserve,
    kubernetes,
    kubevirt,
    kueue,
    llm_inference,
    nim,
    serving,
    slurm,
    spark,
    tekton,
    trainer,
)
from gfd.tools.match.workloads.kind import PodTemplate
from gfd.tools.match.workloads.unread import check_requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.dra.objects import ClaimObjects
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.workloads.kind import Reader

_DRA_GROUP = "resource.k8s.io"
_MODULES = (
    kubernetes,
    argo,
    batch,
    dynamo,
    kserve,
    kubevirt,
    kueue,
    llm_inference,
    nim,
    serving,
    slurm,
    spark,
    tekton,
    trainer,
)
WORKLOADS: Mapping[tuple[str, str], Reader] = {
    key: read for module in _MODULES for key, read in module.KINDS.items()
}
"""Functions that read the pod templates of an object, by apiVersion (or group, for all versions) and kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An object of a file, and what it makes pods of."""

    manifest: Manifest
    templates: tuple[PodTemplate, ...]
    """The pod templates; none if the object has no pods."""
    pods: tuple[Pod, ...]
    """A pod for each template."""
    claim_objects: ClaimObjects | None = None
    """What the object itself says if it is a ResourceClaim, a ResourceClaimTemplate or a DeviceClass."""


def read_workload(manifest: Manifest, text: str) -> Workload:
    """Return an object with its pods; ``text`` is that of its file.

    Raises DocumentError for an object that the API server would refuse, or that requests devices where gfd
    does not read them.
    """
    for version in (manifest.api_version, manifest.group):
        if read := WORKLOADS.get((version, manifest.kind)):
            check_indentation(manifest.value)
            if not manifest.name:
                raise manifest.value.field("metadata").error("needs a name or a generateName")
            templates = list(read(manifest))
            break
    else:
        templates = [_guess(manifest, spec) for spec in _find_pod_specs(manifest.value)]
        _check_kind(manifest, has_pods=bool(templates))
    check_requests(manifest, templates)
    return Workload(
        manifest=manifest,
        templates=tuple(templates),
        pods=tuple(_make_pod(manifest, each) for each in templates),
        claim_objects=_read_claim_objects(manifest, text),
    )


def _read_claim_objects(manifest: Manifest, text: str) -> ClaimObjects | None:
    """Return what an object of Dynamic Resource Allocation says; None for all other objects.

    Raises DocumentError if the API server refuses it.
    """
    if manifest.group != _DRA_GROUP:
        return None
    from gfd.tools.match.dra.objects import KINDS, read_manifest

    return read_manifest(manifest, text) if manifest.kind in KINDS else None


def _make_pod(manifest: Manifest, template: PodTemplate) -> Pod:
    spec = read_pod_spec(template.spec)
    unjudged = (*spec.unjudged, *template.unjudged, *kueue.list_unjudged(manifest.value))
    pod = make_pod(
        manifest,
        replace(spec, unjudged=unjudged),
        line=template.line,
        part=template.part,
        labels=read_labels(template.labels),
        is_complete=not template.unjudged,
    )
    pod = replace(
        pod,
        copies=template.copies,
        gang=template.gang,
        minimum=template.minimum,
        is_alone=template.is_alone,
    )
    return template.adjust(pod) if template.adjust else pod


def _guess(manifest: Manifest, spec: Value) -> PodTemplate:
    """Return the template of a PodSpec in an object of an unknown kind."""
    return PodTemplate(
        spec=spec,
        line=spec.line,
        part=spec.path.removesuffix(".spec"),
        unjudged=(f"number of pods: gfd does not know how many pods a {manifest.kind} creates",),
    )


def _check_kind(manifest: Manifest, *, has_pods: bool) -> None:
    """Raise DocumentError for a kind that Kubernetes' own API groups probably do not have."""
    versions = {kind: version for version, kind in [*WORKLOADS, *kubernetes.KINDS]}
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
