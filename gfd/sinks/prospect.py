"""What publishing would change, found out without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.labels import Labels

VENDOR = "nvidia.com/"
"""Of the keys that others write, those with this prefix are of interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
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


def foresee(own: Labels, wanted: Labels, others: Mapping[str, Labels]) -> list[Prospect]:
    """Return what becomes of the keys of a place that is gfd's alone, and of those of its neighbours.

    ``own`` is what it holds, ``wanted`` what it is to hold, ``others`` what each neighbour holds.
    """
    foreign = {
        key: value for labels in others.values() for key, value in labels.items() if key.startswith(VENDOR)
    }
    return [
        Prospect(
            key=key,
            now=own.get(key) if is_own else foreign[key],
            then=wanted.get(key) if is_own else foreign[key],
            holders=tuple(name for name, labels in others.items() if key in labels),
        )
        for key in sorted({*own, *wanted, *foreign})
        for is_own in [key in own or key in wanted]
    ]
