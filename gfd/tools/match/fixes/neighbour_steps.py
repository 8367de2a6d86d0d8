"""Find steps against mismatches that the pods on the nodes decide: host ports, affinity to pods, spread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.affinity_terms import PREFERRED, REQUIRED
from gfd.tools.match.fixes.steps import NEIGHBOURS, OTHER_LABEL, WAIT, Edit, Wait
from gfd.tools.match.judge import mismatches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gfd.tools.match.fixes.steps import Step
    from gfd.tools.match.judge.mismatches import Mismatch
    from gfd.tools.match.podspec.scheduling import SchedulingSpec, SpreadConstraint

_LONG_WAIT = WAIT + 0.1
"""The cost of waiting for other pods to come or go, which may never happen."""


def find_neighbour_steps(mismatch: Mismatch, spec: SchedulingSpec) -> Iterator[Step]:
    """Yield steps after each of which the pods on the nodes do not keep the pod away."""
    if find := _STEPS.get(mismatch.kind):
        yield from find(mismatch, spec)


def _free_port(mismatch: Mismatch, spec: SchedulingSpec) -> Iterator[Step]:
    yield Wait(state=f"has {mismatch.wanted} free", cost=_LONG_WAIT)
    kept = tuple(each for each in spec.host_ports if f"hostPort {each}" != mismatch.wanted)
    why = "a Service reaches the pod without it"
    yield _edit(mismatch.wanted, "", why, lambda spec: replace(spec, host_ports=kept))


def _find_companion(mismatch: Mismatch, _: SchedulingSpec) -> Iterator[Step]:
    yield Wait(state=f"has {mismatch.wanted}", cost=_LONG_WAIT)
    yield _prefer("podAffinity", lambda spec: replace(spec, pod_affinity=()))


def _keep_apart(mismatch: Mismatch, spec: SchedulingSpec) -> Iterator[Step]:
    if mismatch.wanted not in {f"not {each}" for each in spec.pod_anti_affinity}:
        yield Wait(state="has no pod whose podAntiAffinity excludes this one", cost=_LONG_WAIT)
    else:
        yield Wait(state=f"has {mismatch.wanted.replace('not a ', 'no ', 1)}", cost=_LONG_WAIT)
        yield _prefer("podAntiAffinity", lambda spec: replace(spec, pod_anti_affinity=()))


def _spread_less(mismatch: Mismatch, spec: SchedulingSpec) -> Iterator[Step]:
    kept = tuple(each for each in spec.spread_constraints if not _is_described(each, mismatch.wanted))
    why = f"{mismatch.wanted} keeps the pod away"
    old, new = (f"whenUnsatisfiable: {each}" for each in ("DoNotSchedule", "ScheduleAnyway"))
    yield _edit(old, new, why, lambda spec: replace(spec, spread_constraints=kept))


def _is_described(constraint: SpreadConstraint, text: str) -> bool:
    return text.startswith(f"maxSkew {constraint.max_skew} ") and text.endswith(
        f" per {constraint.topology_key}"
    )


def _prefer(name: str, apply: Callable[[SchedulingSpec], SchedulingSpec]) -> Edit:
    why = "a preferred term, which needs a weight, does not keep the pod away"
    return _edit(f"{name}.{REQUIRED}", f"{name}.{PREFERRED}", why, apply)


def _edit(old: str, new: str, why: str, apply: Callable[[SchedulingSpec], SchedulingSpec]) -> Edit:
    return Edit(old=old, new=new, line=0, why=why, subject=NEIGHBOURS, cost=OTHER_LABEL, apply=apply)


_STEPS: dict[str, Callable[[Mismatch, SchedulingSpec], Iterator[Step]]] = {
    mismatches.HOST_PORT: _free_port,
    mismatches.POD_AFFINITY: _find_companion,
    mismatches.POD_ANTI_AFFINITY: _keep_apart,
    mismatches.TOPOLOGY_SPREAD: _spread_less,
}
