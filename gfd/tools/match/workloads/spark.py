"""The kinds of the Spark operator (sparkoperator.k8s.io/v1beta2)."""

from __future__ import annotations

import re
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.workloads.composition import compose, compose_container, move
from gfd.tools.match.workloads.counts import read_number
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.workloads.kind import Reader

_DRIVER, _EXECUTOR = "driver", "executor"
_INHERITED = ("affinity", "tolerations", "schedulerName", "initContainers", "hostNetwork", "nodeSelector")
_MEMORY = re.compile(r"([0-9]+)([kmgtp]?)b?")
_MIB = {"k": 1 / 1024, "": 1 / 1024 / 1024, "m": 1, "g": 1024, "t": 1024**2, "p": 1024**3}
_MIN_OVERHEAD_MIB = 384
_DECISIVE = ("node.selector", "podTemplateFile", "executor.instances", "dynamicAllocation", "request.cores")
"""Parts of the settings of Spark that change the number of pods or what they ask for."""


def _compose_pod(spec: Value, role: str) -> Value:
    """Return the PodSpec of the driver or of an executor: its template, with the fields beside it."""
    part = spec.field(role)
    inherited = {name: part.member(name) for name in _INHERITED}
    inherited["nodeSelector"] = inherited["nodeSelector"] or spec.member("nodeSelector")
    given = read_items(part, "template", "spec", "containers")
    limits = find(given[0], "resources", "limits") if given else None
    amounts = (limits.mapping() if limits else {}) | _read_limits(spec, part, role)
    containers = [compose_container(part, amounts, part.member("gpu"), *given[:1]), *given[1:]]
    containers += read_items(part, "sidecars")
    if scheduler := spec.member("batchScheduler"):
        inherited["schedulerName"] = scheduler
    return compose(part, find(part, "template", "spec"), containers=containers, **inherited)


def _read_limits(spec: Value, part: Value, role: str) -> dict[str, Value | None]:
    """Return what Spark requests for the main container."""
    cores = part.member("coreRequest") or part.member("cores")
    limits = {"cpu": cores or move(part, 1), "memory": _read_memory(spec, part)}
    gpu = part.member("gpu")
    if gpu:
        limits[read_text(gpu, "name")] = gpu.member("quantity")
    elif amount := find(spec, "sparkConf", f"spark.{role}.resource.gpu.amount"):
        vendor = read_text(spec, "sparkConf", f"spark.{role}.resource.gpu.vendor")
        limits[f"{vendor}/gpu"] = amount
    return limits


def _read_memory(spec: Value, part: Value) -> Value:
    """Return memory plus overhead, as Spark adds them. Raises DocumentError."""
    memory, overhead = part.member("memory"), part.member("memoryOverhead")
    memory_mib = _parse_mib(memory) if memory else 1024.0
    is_jvm = read_text(spec, "type") in ("Java", "Scala", "")
    share = _read_share(spec.member("memoryOverheadFactor"), default=0.1 if is_jvm else 0.4)
    overhead_mib = _parse_mib(overhead) if overhead else max(share * memory_mib, _MIN_OVERHEAD_MIB)
    return (memory or part)._replace(content=f"{ceil(memory_mib + overhead_mib)}Mi")


def _parse_mib(value: Value) -> float:
    match = _MEMORY.fullmatch(str(value.content).lower())
    if match is None:
        raise value.error(
            f"{value.content!r} is not an amount of memory for Spark; write one such as 512m or 8g"
        )
    return int(match[1]) * _MIB[match[2]]


def _read_share(value: Value | None, default: float) -> float:
    if value is None:
        return default
    try:
        return float(value.text())
    except ValueError:
        raise value.error(f"{value.content!r} is not a number; write one such as '0.1'") from None


def _count_executors(spec: Value) -> int:
    instances = read_number(spec, _EXECUTOR, "instances")
    scaling = find(spec, "dynamicAllocation", "enabled")
    if scaling is None or not scaling.content:
        return instances
    names = ("initialExecutors", "minExecutors")
    return max(instances, *(read_number(spec, "dynamicAllocation", name, default=0) for name in names))


def _list_unjudged(spec: Value) -> Iterator[str]:
    settings = spec.member("sparkConf")
    for key in settings.mapping() if settings else ():
        if any(part in key for part in _DECISIVE):
            yield f"sparkConf: gfd does not read {key}, which may change the pods"


def _make_application(owner: str) -> Kind:
    driver, executor = (partial(_compose_pod, role=role) for role in (_DRIVER, _EXECUTOR))
    return Kind(
        PodSet(owner=owner, spec=driver, title=_DRIVER, unjudged=_list_unjudged),
        PodSet(
            owner=owner, spec=executor, title="executors", count=_count_executors, unjudged=_list_unjudged
        ),
    )


KINDS: Mapping[tuple[str, str], Reader] = {
    ("sparkoperator.k8s.io", "SparkApplication"): _make_application("spec").read,
    ("sparkoperator.k8s.io", "ScheduledSparkApplication"): _make_application("spec.template").read,
}
