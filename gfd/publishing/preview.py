"""What publishing would change, found out without doing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.kube.field_managers import MANAGER, applied_by, held_by_nfd, holders
from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.labels.syntax import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """A key in a place for labels, and what publishing would make of it."""

    key: str
    now: str | None
    """None: it is not there."""
    then: str | None
    """None: it would not be there."""
    holders: tuple[str, ...] = ()
    """Who else than gfd writes it: field managers, feature files, NodeFeature objects."""
    is_annotation: bool = False
    is_blocked: bool = False
    """Whether publishing fails because of it, also where it says what gfd would say."""


def preview_replace(own: Labels, wanted: Labels, others: Mapping[str, Labels]) -> list[PlannedChange]:
    """Return what becomes of the keys of a place that is gfd's alone, and of those of its neighbours.

    ``own`` is what it holds, ``wanted`` what it is to hold, ``others`` what each neighbour holds.
    """
    foreign = {
        key: value for labels in others.values() for key, value in labels.items() if key.startswith(VENDOR)
    }
    return [
        PlannedChange(
            key=key,
            now=own.get(key) if is_own else foreign[key],
            then=wanted.get(key) if is_own else foreign[key],
            holders=tuple(name for name, labels in others.items() if key in labels),
        )
        for key in sorted({*own, *wanted, *foreign})
        for is_own in [key in own or key in wanted]
    ]


def preview_apply(
    seen: Mapping[str, Any], kind: str, wanted: Labels, rendered: Labels, *, is_forcing: bool
) -> Iterator[PlannedChange]:
    """Yield what becomes of the labels or annotations of a Node, which gfd shares with others.

    ``seen`` is the Node's metadata, ``wanted`` what gfd would hold there, ``rendered`` what it has to
    publish. With ``is_forcing`` gfd takes over what other managers than NFD hold.
    """
    has, applied = seen.get(kind) or {}, applied_by(seen, MANAGER, kind)
    held = holders(seen, kind)
    by_nfd = held_by_nfd(seen) if kind == "labels" else frozenset()
    for key in {*wanted, *(applied & has.keys()), *(key for key in has if key.startswith(VENDOR))}:
        others = tuple(manager for manager in held.get(key, ()) if manager != MANAGER)
        now = then = has.get(key)
        if key in by_nfd:
            pass
        elif key in wanted and (is_forcing or not others):
            then = wanted[key]
        elif key in applied and not others:
            then = None
        yield PlannedChange(
            key=key,
            now=now,
            then=then,
            holders=others,
            is_annotation=kind == "annotations",
            is_blocked=key in by_nfd and key in rendered,
        )
