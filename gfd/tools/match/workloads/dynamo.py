"""The kinds of NVIDIA Dynamo (nvidia.com/v1alpha1 and nvidia.com/v1beta1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU
from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.workloads.composition import compose, compose_mapping
from gfd.tools.match.workloads.counts import read_number
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.workloads.kind import PodTemplate, Reader


def _compose_component(component: Value) -> Value:
    """Return the PodSpec of a component: ``podTemplate``, or ``resources`` with ``extraPodSpec``."""
    if template := find(component, "podTemplate", "spec"):
        return template
    extra, resources = component.member("extraPodSpec"), component.member("resources")
    main = extra and extra.member("mainContainer")
    own = main and main.member("resources")
    merged = {
        kind: _merge(resources and resources.member(kind), own and own.member(kind))
        for kind in ("limits", "requests")
    }
    origin = main or component
    used = {"resources": compose_mapping(origin, merged, own), "component resources": resources}
    container = compose_mapping(origin, used, main)
    return compose(
        component, extra, containers=[container, *(read_items(extra, "containers") if extra else ())]
    )


def _merge(amounts: Value | None, own: Value | None) -> Value | None:
    """Return the amounts of a component; those of its main container win."""
    if amounts is None:
        return own
    named = compose_mapping(amounts, _name_amounts(amounts))
    return compose_mapping(amounts, own.mapping(), named) if own else named


def _name_amounts(amounts: Value) -> dict[str, Value | None]:
    custom = amounts.member("custom")
    return {
        "cpu": amounts.member("cpu"),
        "memory": amounts.member("memory"),
        read_text(amounts, "gpuType") or GPU: amounts.member("gpu"),
        **(custom.mapping() if custom else {}),
    }


def _count_nodes(component: Value) -> int:
    """Return the number of pods that one replica of a component spans."""
    return read_number(component, "multinode", "nodeCount", default=2) if component.member("multinode") else 1


def _count_replicas(component: Value) -> int:
    return read_number(component, "replicas")


def _list_unjudged(component: Value) -> Iterator[str]:
    for path in (("gpuMemoryService",), ("experimental", "gpuMemoryService")):
        if find(component, *path):
            yield "gpuMemoryService: Dynamo claims the GPUs by ResourceClaims instead"


def _make_graph(owner: str) -> Kind:
    return Kind(
        PodSet(
            owner=owner,
            spec=_compose_component,
            template="podTemplate",
            count=lambda each: _count_nodes(each) if _count_nodes(each) > 1 else _count_replicas(each),
            groups=lambda each: _count_replicas(each) if _count_nodes(each) > 1 else None,
            unjudged=_list_unjudged,
        )
    )


_SERVICES, _COMPONENTS, _COMPONENT = map(_make_graph, ("spec.services.*", "spec.components[]", "spec"))


def _read_graph(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pods of ``components``, or in v1alpha1 of ``services``. Raises DocumentError."""
    kind = _SERVICES if manifest.api_version.endswith("/v1alpha1") else _COMPONENTS
    yield from kind.read(manifest)


KINDS: Mapping[tuple[str, str], Reader] = {
    ("nvidia.com", "DynamoGraphDeployment"): _read_graph,
    ("nvidia.com", "DynamoComponentDeployment"): _COMPONENT.read,
}
