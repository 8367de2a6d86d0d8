"""Find out what publishing would change, without publishing."""

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
    """One key, before and after publishing."""

    key: str
    now: str | None
    """The current value; None if the key is absent."""
    then: str | None
    """The value after publishing; None if the key would be absent."""
    holders: tuple[str, ...] = ()
    """Who else writes the key: field managers, feature files, NodeFeature objects."""
    is_annotation: bool = False
    is_blocked: bool = False
    """Whether publishing fails because another writer holds the key, even with the same value."""


def preview_replace(own: Labels, wanted: Labels, others: Mapping[str, Labels]) -> list[PlannedChange]:
    """Return the changes to a file or object that gfd replaces as a whole.

    ``own`` is its current content, ``wanted`` the new one. ``others`` has the content of other files or
    objects by name; their keys with NVIDIA's prefix are returned too.
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
    """Yield the changes to the labels or annotations of a Node, which gfd shares with other managers.

    ``seen`` is the Node's metadata, ``wanted`` the keys that gfd would hold, ``rendered`` all labels to
    publish. With ``is_forcing``, gfd takes over keys from all managers except NFD.
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
