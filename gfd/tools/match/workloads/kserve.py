"""The InferenceService of KServe (serving.kserve.io/v1beta1)."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU
from gfd.labels.syntax import VENDOR
from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.workloads.composition import compose, compose_mapping, move
from gfd.tools.match.workloads.counts import read_number
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.workloads.kind import Reader

_MODELS = (
    "model",
    "huggingface",
    "lightgbm",
    "onnx",
    "paddle",
    "pmml",
    "pytorch",
    "sklearn",
    "tensorflow",
    "triton",
    "xgboost",
)
"""The fields of a predictor that hold the container of a model server."""
_WORKERS = "workerSpec"


def _find_model(owner: Value) -> Value | None:
    return next((found for name in _MODELS if (found := owner.member(name))), None)


def _compose_predictor(owner: Value) -> Value:
    """Return the PodSpec of the model server and the containers beside it; with workers, of the head pod."""
    model = _find_model(owner)
    containers = [*([model] if model else []), *read_items(owner, "containers")]
    if containers and owner.member(_WORKERS):
        containers[0] = _add_gpus(containers[0], _plan_nodes(owner)[1])
    return compose(owner, owner, containers=containers)


def _compose_workers(owner: Value) -> Value | None:
    workers = owner.member(_WORKERS)
    if workers is None:
        return None
    containers = read_items(workers, "containers") or [compose(workers)]
    containers[0] = _add_gpus(containers[0], _plan_nodes(owner)[2])
    return compose(workers, workers, containers=containers)


def _plan_nodes(owner: Value) -> tuple[int, int, int]:
    """Return the number of pods, the GPUs of the head and those of each worker, as KServe plans them.

    KServe divides the GPUs of the whole model, tensor times pipeline size, between the pods.
    """
    model, worker = _find_model(owner), next(iter(read_items(owner, _WORKERS, "containers")), None)
    sizes = (
        read_number(owner, _WORKERS, f"{kind}ParallelSize", minimum=1) for kind in ("tensor", "pipeline")
    )
    total = next(sizes) * next(sizes)
    of_head, of_worker = (_count_gpus(each) if each else 0 for each in (model, worker))
    if not of_worker:
        of_head, of_worker = of_head or 1, 1
        return max(1, 1 + total - of_head), of_head, of_worker
    nodes = 1 if of_head >= total else ceil(total / of_worker)
    if nodes == 1:
        return 1, total, 0
    return nodes, of_head or total - of_worker * (nodes - 1), of_worker


def _count_gpus(container: Value) -> int:
    """Return the number of devices of a container; 0 if it requests none."""
    limits = find(container, "resources", "limits")
    amounts = [each for name, each in limits.mapping().items() if name.startswith(VENDOR)] if limits else []
    return next((int(str(each.content)) for each in amounts if str(each.content).isdecimal()), 0)


def _add_gpus(container: Value, count: int) -> Value:
    """Return a container that requests ``count`` GPUs, if it does not say how many devices it needs."""
    if _count_gpus(container) or not count:
        return container
    resources = container.member("resources")
    old = resources and resources.member("limits")
    limits = compose_mapping(container, {GPU: move(container, count)}, old)
    return compose(container, container, resources=compose(container, resources, limits=limits))


def _count_groups(owner: Value) -> int | None:
    return _count_replicas(owner) if owner.member(_WORKERS) and _plan_nodes(owner)[0] > 1 else None


def _count_replicas(owner: Value) -> int:
    """Return ``minReplicas``; a service that scales to zero needs one pod when it is called."""
    return max(1, read_number(owner, "minReplicas"))


def _count_heads(owner: Value) -> int:
    return 1 if _count_groups(owner) is not None else _count_replicas(owner)


def _list_unjudged(owner: Value) -> Iterator[str]:
    if _find_model(owner):
        name = read_text(owner, "model", "runtime")
        runtime = f"the ServingRuntime {name}" if name else "the ServingRuntime that KServe chooses"
        yield f"runtime: {runtime} may add containers, requests, node selectors and tolerations"


_INFERENCE_SERVICE = Kind(
    PodSet(
        owner="spec.predictor",
        spec=_compose_predictor,
        title="predictor",
        count=_count_heads,
        groups=_count_groups,
        unjudged=_list_unjudged,
    ),
    PodSet(
        owner="spec.predictor",
        spec=lambda owner: _compose_workers(owner) if _count_groups(owner) is not None else None,
        title="predictor workers",
        count=lambda owner: _plan_nodes(owner)[0] - 1,
        groups=_count_groups,
        unjudged=_list_unjudged,
    ),
    PodSet(owner="spec.transformer?", spec=_compose_predictor, title="transformer", count=_count_replicas),
    PodSet(owner="spec.explainer?", spec=_compose_predictor, title="explainer", count=_count_replicas),
)

KINDS: Mapping[tuple[str, str], Reader] = {
    ("serving.kserve.io", "InferenceService"): _INFERENCE_SERVICE.read,
}
