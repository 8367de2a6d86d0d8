"""Order the states of one object by their resourceVersions, where these are numbers."""

from __future__ import annotations

from collections import deque

_KEPT = 64
"""More than gfd writes before the watch reports its first write."""


def is_before(one: str, other: str) -> bool | None:
    """Return whether ``one`` is a resourceVersion before ``other``; None if they have no order.

    Kubernetes guarantees since 1.35 that resourceVersions are numbers. Before that, and on API servers of
    others, they may be any text.
    """
    if one.isdecimal() and other.isdecimal():
        return int(one) < int(other)
    return False if one == other else None


class VersionHistory:
    """The resourceVersions of an object that gfd has read or written."""

    def __init__(self) -> None:
        self._versions: deque[str] = deque(maxlen=_KEPT)

    def add(self, version: str) -> None:
        """Add the latest version."""
        self._versions.append(version)

    def has_passed(self, version: str) -> bool:
        """Return whether ``version`` is a state before the latest one.

        A version without an order is such a state only if it was added before.
        """
        if not self._versions:
            return False
        latest = self._versions[-1]
        is_earlier = is_before(version, latest)
        return version in self._versions if is_earlier is None else is_earlier
