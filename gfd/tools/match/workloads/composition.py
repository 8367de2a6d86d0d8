"""Compose a PodSpec of the parts of an object that has none.

The parts keep their lines and paths, so that messages name their places in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.documents.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gfd.documents.value import Content

    Part = Value | Iterable[Value] | None

POD_FIELDS = (
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "schedulerName",
    "runtimeClassName",
    "priorityClassName",
    "resourceClaims",
    "hostNetwork",
)
"""The fields of a PodSpec that many kinds have, too, and that matter to the scheduler."""


def compose(origin: Value, base: Value | None = None, /, **parts: Part) -> Value:
    """Return a mapping at the place of ``origin``: the members of ``base``, replaced by ``parts``."""
    return compose_mapping(origin, parts, base)


def compose_mapping(origin: Value, parts: Mapping[str, Part], base: Value | None = None) -> Value:
    """Return a mapping at the place of ``origin``, as :func:`compose` does."""
    members = base.mapping() if base else {}
    for name, part in parts.items():
        if part is not None:
            members[name] = part if isinstance(part, Value) else origin._replace(content=tuple(part))
    return origin._replace(content=members)


def pick(value: Value, *names: str) -> dict[str, Value | None]:
    """Return the members ``names`` of a mapping, for :func:`compose`."""
    return {name: value.member(name) for name in names}


def compose_container(origin: Value, limits: Mapping[str, Value | None], *used: Value | None) -> Value:
    """Return a container at the place of ``origin`` with these limits; an absent amount is left out.

    ``used`` are the parts of the object that the amounts come from.
    """
    amounts = compose_mapping(origin, limits)
    parts = {f"part {number}": part for number, part in enumerate(used)}
    return compose_mapping(origin, {"resources": compose(origin, limits=amounts), **parts})


def move(value: Value | None, content: Content) -> Value | None:
    """Return another value at the same place; None if ``value`` is."""
    return value and value._replace(content=content)


def compose_node_affinity(origin: Value, terms: Part) -> Value:
    """Return an affinity that requires one of these nodeSelectorTerms."""
    required = compose(origin, nodeSelectorTerms=terms)
    nodes = compose(origin, requiredDuringSchedulingIgnoredDuringExecution=required)
    return compose(origin, nodeAffinity=nodes)
