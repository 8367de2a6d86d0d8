"""Decide what stays of the terms of a required nodeAffinity.

The terms are alternatives. They can only be divided into a claim and a nodeAffinity if all ask for the same
devices, or for the same nodes: otherwise, a device of one alternative could be combined with a node of
another one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.labels.products import extract_model
from gfd.tools.match.rewrite.products import find_values_without_dra, has_value_with_dra
from gfd.tools.match.rewrite.translation import Outcome, describe

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gfd.kube.requirements import Requirement
    from gfd.tools.match.podspec.scheduling import NodeSelectorTerm
    from gfd.tools.match.rewrite.remark import Remark

    Terms = Mapping[int, NodeSelectorTerm]
    Outcomes = Mapping[Requirement, Outcome]

_MIXED = "since each alternative asks for other devices and other nodes"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTerm:
    """A term that stays."""

    number: int
    """Its number in the file."""
    expressions: tuple[int, ...]
    """The numbers of its expressions that stay."""


def keep_terms(terms: Terms, outcomes: Outcomes) -> tuple[tuple[KeptTerm, ...], tuple[Remark, ...]]:
    """Return the terms that stay, and remarks about them; no terms if any node is good enough.

    ``terms`` has those that are not empty, by their number in the file.
    """
    devices = {number: _select(term, outcomes, Outcome.CLAIMED) for number, term in terms.items()}
    nodes = {
        number: _select(term, outcomes, Outcome.KEPT) | frozenset(map(_strip, term.fields))
        for number, term in terms.items()
    }
    if len({*devices.values()}) == 1 or len({*nodes.values()}) == 1:
        # Equal terms stay once.
        numbers = {part: number for number, part in reversed(nodes.items())}.values()
        kept = [_keep(number, terms[number], outcomes, {Outcome.KEPT}) for number in sorted(numbers)]
        remarks: tuple[Remark, ...] = ()
    else:
        kept = [_keep_whole(number, term, outcomes) for number, term in terms.items()]
        remarks = tuple(remark for term in terms.values() for remark in _explain(term, outcomes))
    is_any_node = any(not each.expressions and not terms[each.number].fields for each in kept)
    return () if is_any_node else tuple(kept), remarks


def _keep_whole(number: int, term: NodeSelectorTerm, outcomes: Outcomes) -> KeptTerm:
    """Keep what the claim also says, unless no node with DRA can have a value that the term names."""
    kept = {Outcome.KEPT} if _find_impossible(term) else {Outcome.KEPT, Outcome.CLAIMED}
    return _keep(number, term, outcomes, kept)


def _keep(number: int, term: NodeSelectorTerm, outcomes: Outcomes, kept: Collection[Outcome]) -> KeptTerm:
    numbers = (index for index, each in enumerate(term.expressions) if outcomes[each] in kept)
    return KeptTerm(number=number, expressions=tuple(numbers))


def _select(term: NodeSelectorTerm, outcomes: Outcomes, outcome: Outcome) -> frozenset[Requirement]:
    return frozenset(_strip(each) for each in term.expressions if outcomes[each] is outcome)


def _strip(requirement: Requirement) -> Requirement:
    """Return the requirement without its place, to compare it with others."""
    return replace(requirement, line=0, is_shorthand=False)


def _find_impossible(term: NodeSelectorTerm) -> list[Requirement]:
    return [each for each in term.expressions if not has_value_with_dra(each)]


def _explain(term: NodeSelectorTerm, outcomes: Outcomes) -> Iterator[Remark]:
    if impossible := _find_impossible(term):
        for each in impossible:
            reason = f"is left out of its alternative, {_MIXED}, and no node with DRA has this value"
            yield describe(each, reason, "make a pod for each alternative", is_lost=True)
        return
    for each in term.expressions:
        if outcomes[each] is Outcome.CLAIMED:
            reason = f"stays in nodeAffinity beside the claim, {_MIXED}"
            if missing := find_values_without_dra(each):
                reason += f", but no node with DRA has {', '.join(missing)}"
                models = ", ".join(dict.fromkeys(map(extract_model, missing)))
                yield describe(each, reason, f"write {models}", is_lost=True)
                continue
            yield describe(each, reason, "run gfd with --allocation dra or auto on nodes with DRA")
