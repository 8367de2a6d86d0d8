"""PriorityClasses: the priority of pods by a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityClass:
    """A priority, and whether its pods may evict others."""

    name: str
    value: int
    policy: str = ""
    """The preemptionPolicy; empty if it is unknown."""
    is_default: bool = False
    """Whether pods without a class get this one."""


SYSTEM_CLASSES = (
    PriorityClass(name="system-cluster-critical", value=2_000_000_000, policy="PreemptLowerPriority"),
    PriorityClass(name="system-node-critical", value=2_000_001_000, policy="PreemptLowerPriority"),
)
"""The classes that every cluster has."""


def read_priority_class(item: Mapping[str, Any]) -> PriorityClass:
    """Return the PriorityClass that a Kubernetes object describes. Raises ValueError if it is malformed."""
    return PriorityClass(
        name=read_field(item, "metadata.name", str),
        value=read_field(item, "value", int),
        policy=read_field(item, "preemptionPolicy", str),
        is_default=read_field(item, "globalDefault", bool),
    )
