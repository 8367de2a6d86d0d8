"""Where nothing fits: what there is that comes nearest, and what would have to change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.kube.requirements import parse_integer
from gfd.tools.match.edits import Edit
from gfd.tools.match.fit import judge_all
from gfd.tools.match.fixes import Mender
from gfd.tools.match.similarity import distance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.kube.requirements import Requirement
    from gfd.tools.match.fit import Verdict
    from gfd.tools.match.index import Census
    from gfd.tools.match.spec import Spec

_SHOWN = 3
"""Values that are named."""
_AWAITED = 0.4
"""What waiting costs, beside edits."""
_TOO_MUCH = 2.0
"""What a remedy must cost less than: to leave out most of what was asked for helps nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """Something that is asked for and that no Node has, and what they have instead."""

    asked: str
    key: str
    """The label, or empty for devices."""
    found: tuple[tuple[str, int], ...]
    """The nearest values of that label, and on how many Nodes each is."""
    keys: tuple[tuple[str, int], ...] = ()
    """Where no Node has such a label: the nearest that there are, and on how many Nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What would make a pod fit some Nodes."""

    edits: tuple[Edit, ...]
    awaited: tuple[str, ...]
    """What the Nodes must be: completes "as soon as they are …"."""
    nodes: tuple[str, ...]
    """Those that it then fits, by name."""


def find_nearest(spec: Spec, census: Census) -> list[Nearest]:
    """Return what of a pod's requirements no Node meets."""
    nodes = census.nodes
    found = [
        _of_label(each, census)
        for each in dict.fromkeys(spec.requirements())
        if not any(each.matches(node.labels) for node in nodes)
    ]
    for resource, count in spec.requests.items():
        if count and not any(node.allocatable.get(resource) for node in nodes):
            offers = Counter(name for node in nodes for name, number in node.allocatable.items() if number)
            found.append(Nearest(asked=resource, key="", found=_rank(resource, offers)))
    return found


def _of_label(requirement: Requirement, census: Census) -> Nearest:
    key = requirement.key
    values = Counter(node.labels[key] for node in census.nodes if key in node.labels)
    if values or requirement.operator == "DoesNotExist":
        found = _rank_bounded(requirement, values) or _rank(requirement.values, values)
        return Nearest(asked=str(requirement), key=key, found=found)
    near = [other for other in census.find_alternatives(key) if not other.is_of_mig][:_SHOWN]
    keys = tuple((other.key, census.keys[other.key]) for other in near)
    return Nearest(asked=str(requirement), key=key, found=(), keys=keys)


def _rank(wanted: str | tuple[str, ...], found: Counter[str]) -> tuple[tuple[str, int], ...]:
    wishes = (wanted,) if isinstance(wanted, str) else wanted or ("",)
    ranked = sorted(
        found.items(), key=lambda item: (min(distance(wish, item[0]) for wish in wishes), item[0])
    )
    return tuple(ranked[:_SHOWN])


def _rank_bounded(requirement: Requirement, found: Counter[str]) -> tuple[tuple[str, int], ...]:
    """Return the values nearest to a bound: the largest below, or the smallest above it."""
    if requirement.operator not in ("Gt", "Lt"):
        return ()
    numbers = [(number, text) for text in found if (number := parse_integer(text)) is not None]
    ranked = sorted(numbers, reverse=requirement.operator == "Gt")
    return tuple((text, found[text]) for _, text in ranked[:_SHOWN])


def find_remedies(spec: Spec, verdicts: Sequence[Verdict], census: Census) -> list[Remedy]:
    """Return the least edit that makes a pod fit, and the least to wait for, as far as there are such.

    The edit has been tried: with it the pod fits the Nodes that are named.
    """
    groups = _group(spec, verdicts, census)
    ranked = sorted(groups, key=lambda each: (_cost(each), -len(each.nodes), each.nodes))
    affordable = [each for each in ranked if _cost(each) < _TOO_MUCH]
    edited = (each for each in affordable if not each.awaited)
    found = [next((tried for each in edited if (tried := _try(spec, each, census)).nodes), None)]
    found.append(next((each for each in affordable if not each.edits), None))
    return [each for each in found if each] or [each for each in affordable if each.awaited][:1]


def _group(spec: Spec, verdicts: Iterable[Verdict], census: Census) -> Iterator[Remedy]:
    """Yield what would help, each with the Nodes where exactly that would."""
    mender = Mender(spec, census)
    groups: dict[tuple[int, ...], tuple[tuple[Edit | str, ...], list[str]]] = {}
    for verdict in verdicts:
        mended = [mender.mend(failure, verdict.node) for failure in verdict.failures]
        found = tuple(each for each in mended if each is not None)
        if len(found) == len(mended):
            # What mends alike Nodes is one object, which is told apart faster than by what it holds.
            groups.setdefault(tuple(map(id, found)), (found, []))[1].append(verdict.node.name)
    merged: dict[tuple[Edit | str, ...], list[str]] = {}
    for found, names in groups.values():
        merged.setdefault(tuple(dict.fromkeys(found)), []).extend(names)
    for found, names in merged.items():
        edits = tuple(each for each in found if isinstance(each, Edit))
        awaited = tuple(each for each in found if isinstance(each, str))
        yield Remedy(edits=edits, awaited=awaited, nodes=tuple(sorted(names)))


def _cost(remedy: Remedy) -> float:
    return sum(edit.cost for edit in remedy.edits) + _AWAITED * len(remedy.awaited)


def _try(spec: Spec, remedy: Remedy, census: Census) -> Remedy:
    """Return the remedy with the Nodes that the pod fits once it is edited."""
    for edit in remedy.edits:
        spec = edit.change.apply(spec)
    names = tuple(each.node.name for each in judge_all(spec, census.nodes) if each.fits)
    return replace(remedy, nodes=tuple(sorted(names)))
