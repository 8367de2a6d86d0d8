"""Why nothing is selected: how many nodes each criterion takes, and the nearest that there is instead."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from math import inf
from typing import TYPE_CHECKING, Any

from gfd.clusterview.gpus import has_gpus
from gfd.kube.quantities import parse as parse_quantity
from gfd.kube.requirements import parse_integer
from gfd.labels.products import INVALID, profile_of
from gfd.tools.select.comparisons import split
from gfd.tools.select.criteria import names
from gfd.tools.select.selection import takes, terms_of
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Node
    from gfd.tools.select.criteria import Criterion, Shape
    from gfd.tools.select.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What there is of one criterion."""

    criterion: Criterion
    taken: frozenset[tuple[str, Shape]]
    """Names of the nodes that meet it, whatever the others are, and the shape in which they do."""
    there: tuple[tuple[str, int], ...]
    """What nodes have there, and how many have it, the nearest first."""

    @property
    def nodes(self) -> int:
        """Return how many nodes meet it."""
        return len({name for name, _ in self.taken})

    def __str__(self) -> str:
        """Return the criterion as it is typed."""
        return f"{self.criterion.option} {self.criterion.text!r}"


def find_lacks(selection: Selection, nodes: Sequence[Node]) -> list[Lack]:
    """Return what there is of each criterion on ``nodes``."""
    return [_lack(each, selection.shapes, nodes) for each in selection.criteria]


def explain(selection: Selection, nodes: Sequence[Node], lacks: Sequence[Lack]) -> str:
    """Return in a sentence why no node is selected, and what comes nearest."""
    with_gpus = [node for node in nodes if has_gpus(node)]
    if not with_gpus:
        return f"none of {pluralize(len(nodes), 'node')} has a GPU" if nodes else "there is no node"
    if selection.refusing:
        node, reason = selection.refusing[0]
        others = len(selection.refusing) - 1
        more = f"; {others} more refuse too" if others else ""
        return f"what is asked for is there, but no node takes it: {node.name} {reason}{more}"
    for lack in lacks:
        if not lack.taken:
            return f"{lack} takes none of {pluralize(len(with_gpus), 'node')} with GPUs; {_nearest(lack)}"
    pairs = [(node, shape) for node in with_gpus for shape in selection.shapes]
    node, shape = min(pairs, key=lambda pair: _apartness(lacks, *pair))
    wrong = _missing(lacks, node, shape)
    has = "; ".join(
        f"{lack}, having {', '.join(_told(lack, node, shape)) or 'nothing there'}" for lack in wrong
    )
    hint = _MEMORY_HINT if any(lack.criterion.option == "--memory" for lack in wrong) else ""
    return f"no node meets all of it; nearest is {node.name}, which lacks {has}{hint}"


_NAMES = ("--product", "--mig")
"""Criteria that name the device; the others tell how good it must be."""
_MEMORY_HINT = "; labels hold the MiB that NVML counts, which is less than a GPU is called by"


def _lack(criterion: Criterion, shapes: Sequence[Shape], nodes: Sequence[Node]) -> Lack:
    taken: set[tuple[str, Shape]] = set()
    there: Counter[str] = Counter()
    for shape in shapes:
        terms = terms_of([criterion], shape, nodes)
        taken |= {(node.name, shape) for node in nodes if takes(terms, node.labels)}
    for node in nodes:
        there.update({told for shape in shapes for told in criterion.told(shape, node.labels)})
    nearest = sorted(there.items(), key=lambda pair: (_distance(criterion, pair[0]), pair[0]))
    return Lack(criterion=criterion, taken=frozenset(taken), there=tuple(nearest))


def _missing(lacks: Sequence[Lack], node: Node, shape: Shape) -> list[Lack]:
    return [lack for lack in lacks if (node.name, shape) not in lack.taken]


def _apartness(lacks: Sequence[Lack], node: Node, shape: Shape) -> tuple[Any, ...]:
    """Return how many criteria a node does not meet in a shape, whether it is another device, and how far."""
    missing = _missing(lacks, node, shape)
    return (
        len(missing),
        any(lack.criterion.option in _NAMES for lack in missing),
        [
            min((_distance(lack.criterion, value) for value in _told(lack, node, shape)), default=(inf,))
            for lack in missing
        ],
    )


def _nearest(lack: Lack) -> str:
    if not lack.there:
        return "no node tells anything there"
    option, text = lack.criterion.option, lack.criterion.text
    if option == "--product":
        parts = {profile_of(value) for value, _ in lack.there if names(text, value)} - {"", INVALID}
        if parts:
            return f"it is divided by MIG: add --mig {' or --mig '.join(sorted(parts))}"
    value, number = lack.there[0]
    hint = _MEMORY_HINT if option == "--memory" else ""
    return f"the nearest there is {value} ({pluralize(number, 'node')}){hint}"


def _told(lack: Lack, node: Node, shape: Shape) -> tuple[str, ...]:
    return lack.criterion.told(shape, node.labels)


def _distance(criterion: Criterion, value: str) -> tuple[float, ...]:
    """Return how far a value is from what is wanted, to be compared with others of the same criterion."""
    if criterion.option in _NAMES:
        return (-SequenceMatcher(None, criterion.text.lower(), value.lower()).ratio(),)
    bounds = [split(text).text for text in criterion.text.split(",")]
    return min(_apart(criterion.option, bound, value) for bound in bounds)


def _apart(option: str, bound: str, value: str) -> tuple[float, ...]:
    if option == "--memory":
        try:
            return (float(abs(parse_quantity(bound) - parse_quantity(value))),)
        except ValueError:  # a label may hold anything
            return (inf,)
    pairs = zip_longest(bound.split("."), value.split("."), fillvalue="0")
    numbers = [(parse_integer(one), parse_integer(other)) for one, other in pairs]
    return tuple(inf if one is None or other is None else abs(one - other) for one, other in numbers)
