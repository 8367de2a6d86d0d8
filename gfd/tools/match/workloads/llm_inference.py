"""The LLMInferenceService of KServe, and KServe's runtimes, which are templates of pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find, read_items
from gfd.tools.match.workloads.composition import compose
from gfd.tools.match.workloads.counts import read_number
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.workloads.kind import Reader


def _compose_main(workload: Value) -> Value:
    """Return the PodSpec of a workload, or with workers of its leader; presets may fill it in."""
    template = workload.member("template")
    containers = read_items(template, "containers") if template else []
    return compose(template or workload, template, containers=containers or [compose(template or workload)])


def _find_worker(workload: Value) -> Value | None:
    return workload.member("worker") if _count_groups(workload) is not None else None


def _read_size(workload: Value) -> int:
    """Return the number of pods of one replica, as KServe counts them."""
    sizes = workload.field("parallelism")
    if sizes.member("data") or sizes.member("dataLocal"):
        return max(1, read_number(sizes, "data", minimum=1) // read_number(sizes, "dataLocal", minimum=1))
    return read_number(sizes, "pipeline", minimum=1)


def _count_groups(workload: Value) -> int | None:
    is_spread = workload.member("worker") is not None and _read_size(workload) > 1
    return read_number(workload, "replicas") if is_spread else None


def _list_unjudged(workload: Value) -> Iterator[str]:
    if not find(workload, "template", "containers"):
        yield "template: the presets of KServe add the containers and their requests"
    yield "baseRefs: an LLMInferenceServiceConfig may change the pods"


def _make_sets(owner: str, title: str) -> tuple[PodSet, PodSet]:
    """Return the pods of a workload: one for each replica, or a leader and its workers."""
    return (
        PodSet(
            owner=owner,
            spec=_compose_main,
            title=title,
            scope=title,
            count=lambda workload: (
                1 if _count_groups(workload) is not None else read_number(workload, "replicas")
            ),
            groups=_count_groups,
            unjudged=_list_unjudged,
        ),
        PodSet(
            owner=owner,
            spec=_find_worker,
            title=f"{title} workers",
            scope=title,
            count=lambda workload: _read_size(workload) - 1,
            groups=_count_groups,
            unjudged=_list_unjudged,
        ),
    )


_LLM_INFERENCE_SERVICE = Kind(*_make_sets("spec", "decode"), *_make_sets("spec.prefill?", "prefill"))
_RUNTIME = Kind(PodSet(owner="", spec="spec", is_alone=True))

KINDS: Mapping[tuple[str, str], Reader] = {
    ("serving.kserve.io", "LLMInferenceService"): _LLM_INFERENCE_SERVICE.read,
    ("serving.kserve.io", "ServingRuntime"): _RUNTIME.read,
    ("serving.kserve.io", "ClusterServingRuntime"): _RUNTIME.read,
}
