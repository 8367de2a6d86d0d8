"""A pod of a file: its place, and its requirements on a node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.kube.requirements import parse_integer
from gfd.labels.syntax import VENDOR
from gfd.tools.match.podspec.unjudged import find_unjudged_labels

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.labels.syntax import Labels
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.podspec.scheduling import SchedulingSpec


DAEMON_SET = "DaemonSet"
"""The kind whose object creates one pod for each node that suits it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod, or all pods of one template."""

    kind: str
    """The kind of the object that the pod belongs to."""
    name: str
    namespace: str
    """Empty if the file names none."""
    part: str
    """Which of the object's pods this is: ``template argo-mig``; empty if there is only one."""
    file: str
    line: int
    spec: SchedulingSpec
    notes: tuple[str, ...]
    """Notes for the user, without a full stop."""
    copies: int = 1
    """The number of pods that the object creates of this template."""
    gang: str = ""
    """The group that this pod belongs to; its pods start together, or none starts. Empty without a group."""
    minimum: int = 0
    """The number of pods of the gang that must start together; 0 means all of them."""
    is_alone: bool = False
    """Whether the pod may run before or after the other pods of its object instead of beside them."""

    @property
    def title(self) -> str:
        """Return the pod's name for people: ``Workflow argo/vector-add, template argo-mig``."""
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {name}" + (f", {self.part}" if self.part else "")

    @property
    def place(self) -> str:
        """Return ``file:line``."""
        return f"{self.file}:{self.line}"


def make_pod(
    manifest: Manifest,
    spec: SchedulingSpec,
    *,
    line: int,
    part: str = "",
    labels: Labels | None = None,
    is_complete: bool = True,
) -> Pod:
    """Return a pod of an object; ``labels`` are those of the pod.

    ``is_complete`` is false if something else than the object may add requests to the pod.
    """
    namespace = manifest.namespace or spec.namespace
    labels = {**(labels or {}), **_list_controller_labels(manifest)}
    unjudged = (*spec.unjudged, *find_unjudged_labels(labels))
    spec = replace(spec, name=manifest.name, namespace=namespace, labels=labels, unjudged=unjudged)
    return Pod(
        kind=manifest.kind,
        name=manifest.name,
        namespace=manifest.namespace,
        part=part,
        file=manifest.value.source,
        line=line,
        spec=spec,
        notes=(*(_explain_missing_request(spec) if is_complete else ()), *_explain_impossible_bounds(spec)),
    )


def _list_controller_labels(manifest: Manifest) -> Labels:
    """Return the labels that a controller of Kubernetes adds to its pods; matchLabelKeys often names them.

    A new revision has a value of its own, which no other pod has.
    """
    new = f"(new revision of {manifest.name})"
    kind = (manifest.group, manifest.kind)
    if kind == ("batch", "Job"):
        return {"batch.kubernetes.io/job-name": manifest.name, "batch.kubernetes.io/controller-uid": new}
    key = {
        ("apps", "Deployment"): "pod-template-hash",
        ("apps", "StatefulSet"): "controller-revision-hash",
        ("apps", "DaemonSet"): "controller-revision-hash",
    }.get(kind)
    return {key: new} if key else {}


def read_labels(value: Value | None) -> dict[str, str]:
    """Return labels, which may be absent. Raises DocumentError."""
    members = value.mapping() if value else {}
    return {key: "" if each.content is None else each.text() for key, each in members.items()}


def _explain_missing_request(spec: SchedulingSpec) -> tuple[str, ...]:
    """Return a note if the pod requires a node with GPUs but requests no GPU."""
    keys = [
        each.key
        for each in spec.requirements()
        if each.key.startswith(VENDOR) and each.operator not in ("NotIn", "DoesNotExist")
    ]
    has_devices = any(count for name, count in spec.requests.items() if name.startswith(VENDOR))
    if not keys or has_devices or spec.claims:
        return ()
    note = f"the pod selects nodes by {keys[0]} but requests no {VENDOR}* resource, so it would see no GPU"
    return (f"{note}; add resources: {{limits: {{{VENDOR}gpu: 1}}}}",)


def _explain_impossible_bounds(spec: SchedulingSpec) -> tuple[str, ...]:
    """Return a note for each comparison that no node can meet; the API server accepts them."""
    return tuple(
        f"{each} (line {each.line}) matches no node: Gt and Lt compare whole numbers of 64 bits"
        for each in spec.requirements()
        if each.operator in ("Gt", "Lt") and parse_integer(each.values[0]) is None
    )
