"""Change pods as the API server does for their RuntimeClass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.fields import read_field
from gfd.clusterview.resources import add
from gfd.errors import DocumentError
from gfd.kube.requirements import Requirement
from gfd.text import list_known
from gfd.tools.match.podspec.scheduling import Toleration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.clusterview.runtime_classes import RuntimeClass
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

FIELD = "runtimeClassName"


def apply_runtime_classes(pods: Sequence[Pod], classes: Sequence[RuntimeClass] | None) -> list[Pod]:
    """Return the pods with what their RuntimeClasses add; None means unknown classes.

    Raises DocumentError for a pod that names none of ``classes``.
    """
    by_name = None if classes is None else {each.name: each for each in classes}
    return [_apply(pod, by_name) if pod.spec.runtime_class else pod for pod in pods]


def _apply(pod: Pod, classes: Mapping[str, RuntimeClass] | None) -> Pod:
    spec, name = pod.spec, pod.spec.runtime_class
    if classes is None:
        why = f"only the cluster knows which overhead, nodeSelector and tolerations {name} adds"
        return replace(pod, spec=replace(spec, unjudged=(*spec.unjudged, f"{FIELD}: {why}")))
    if name not in classes:
        reason = f"the cluster has no RuntimeClass {name}; {list_known(name, classes)}"
        raise DocumentError(pod.file, spec.lines.get(FIELD, pod.line), reason, FIELD)
    return replace(pod, spec=_extend(spec, classes[name]))


def _extend(spec: SchedulingSpec, found: RuntimeClass) -> SchedulingSpec:
    # A pod of the cluster has them already.
    overhead = {} if spec.has_overhead else found.overhead
    selector = tuple(
        Requirement(key=key, operator="In", values=(value,), is_shorthand=True)
        for key, value in found.node_selector.items()
    )
    known = {(each.key, each.values) for each in spec.node_selector}
    tolerations = tuple(
        Toleration(
            key=read_field(each, "key", str),
            operator=read_field(each, "operator", str) or "Equal",
            value=read_field(each, "value", str),
            effect=read_field(each, "effect", str),
        )
        for each in found.tolerations
    )
    return replace(
        spec,
        requests=add(spec.requests, overhead),
        node_selector=(
            *spec.node_selector,
            *(each for each in selector if (each.key, each.values) not in known),
        ),
        tolerations=(*spec.tolerations, *tolerations),
    )
