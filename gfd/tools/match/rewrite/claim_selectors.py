"""Join the conditions of alternatives to the selectors of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.text import escape
from gfd.tools.claim_templates.attribute_values import split_profile
from gfd.tools.claim_templates.expressions import ATTRIBUTES, is_one_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gfd.kube.requirements import Requirement
    from gfd.tools.match.rewrite.kinds import DeviceKind

    Clause = tuple[Requirement, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenKind:
    """A kind of device that is good enough, and what each device must meet."""

    kind: DeviceKind
    expressions: tuple[str, ...]
    """CEL expressions; a device must meet all of them."""


def build_choices(
    by_kind: Mapping[DeviceKind, Sequence[Sequence[Clause]]], common: Collection[Requirement]
) -> tuple[ChosenKind, ...]:
    """Return the kinds with their expressions.

    Each kind has a list of clauses for each alternative, of which a device must meet one; those of the
    requirements ``common`` are in every alternative.
    """
    return tuple(
        ChosenKind(kind=kind, expressions=(*_select_profile(kind), *_join(alternatives, common)))
        for kind, alternatives in by_kind.items()
    )


def _select_profile(kind: DeviceKind) -> list[str]:
    if not kind.profile:
        return []
    source = (
        f"the MIG profile in {kind.resource}.product: {kind.profile}"
        if kind.is_named_by_product
        else f"the resource {kind.resource}"
    )
    expression = is_one_of(f"{ATTRIBUTES}.profile", [split_profile(kind.profile)[0]])
    return [f"// {source}\n{expression}"]


def _join(alternatives: Sequence[Sequence[Clause]], common: Collection[Requirement]) -> list[str]:
    shared = [_write(each) for each in alternatives[0] if each[0] in common]
    own = list(
        dict.fromkeys(
            tuple(_write(each) for each in alternative if each[0] not in common)
            for alternative in alternatives
        )
    )
    if not all(own):  # the devices of one alternative need nothing more
        return shared
    if len(own) == 1:
        return [*shared, *own[0]]
    return [*shared, " || ".join(f"(\n{_conjoin(each)}\n)" for each in own)]


def _conjoin(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else " &&\n".join(f"(\n{each}\n)" for each in texts)


def _write(clause: Clause) -> str:
    """Return an expression below a comment with the label that it stands for."""
    requirement, expression = clause
    label = f"{requirement.key}: {requirement.values[0]}" if requirement.is_shorthand else str(requirement)
    return f"// {escape(label)}\n{expression}"
