"""Read the topologySpreadConstraints of a PodSpec.

Constraints with ScheduleAnyway are checked, but not read: they exclude no node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.affinity_terms import read_selector
from gfd.tools.match.podspec import pod_rules, rules
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.podspec.label_selectors import check_label_keys, check_selector
from gfd.tools.match.podspec.pod_rules import DO_NOT_SCHEDULE, HONOR, IGNORE, Spread
from gfd.tools.match.podspec.scheduling import SpreadConstraint

if TYPE_CHECKING:
    from gfd.documents.value import Value

_FIELDS = (
    *("labelSelector", "matchLabelKeys", "maxSkew", "minDomains"),
    *("nodeAffinityPolicy", "nodeTaintsPolicy", "topologyKey", "whenUnsatisfiable"),
)


def read_spread_constraints(value: Value | None) -> tuple[SpreadConstraint, ...]:
    """Return the constraints with DoNotSchedule of a list. Raises DocumentError."""
    seen: set[tuple[str, str]] = set()
    found = (_read_constraint(item, seen) for item in (value.items() if value else ()))
    return tuple(each for each in found if each)


def _read_constraint(item: Value, seen: set[tuple[str, str]]) -> SpreadConstraint | None:
    item.only(*_FIELDS)
    domains = item.member("minDomains")
    spread = Spread(
        max_skew=_read_number(item.member("maxSkew")),
        topology_key=read_text(item, "topologyKey"),
        when_unsatisfiable=read_text(item, "whenUnsatisfiable"),
        min_domains=_read_number(domains) if domains else None,
        affinity_policy=_read_policy(item, "nodeAffinityPolicy", HONOR),
        taints_policy=_read_policy(item, "nodeTaintsPolicy", IGNORE),
        is_repeated=(read_text(item, "topologyKey"), read_text(item, "whenUnsatisfiable")) in seen,
    )
    rules.check(item, spread, pod_rules.SPREAD)
    seen.add((spread.topology_key, spread.when_unsatisfiable))
    check_selector(item.member("labelSelector"))
    check_label_keys(item)
    if spread.when_unsatisfiable != DO_NOT_SCHEDULE:
        return None
    return SpreadConstraint(
        max_skew=spread.max_skew,
        topology_key=spread.topology_key,
        selector=read_selector(item.plain(), "labelSelector"),
        match_label_keys=tuple(map(read_text, read_items(item, "matchLabelKeys"))),
        min_domains=spread.min_domains or 1,
        is_affinity_honored=spread.affinity_policy == HONOR,
        are_taints_honored=spread.taints_policy == HONOR,
    )


def _read_number(value: Value | None) -> int:
    return value.integer() if value else 0


def _read_policy(item: Value, name: str, default: str) -> str:
    policy = item.member(name)
    return read_text(policy) if policy else default
