"""Which watches are down now, and why; a watch that is down cannot tell that somebody changed labels.

Watches run in threads of their own, for whoever follows an object; the service asks here, in one place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Listener = Callable[[str, str], None]
"""Is told what is watched, such as ``nodes/n1``, and why that fails; nothing once it works again."""

_down: dict[str, str] = {}
_listeners: list[Listener] = []
_lock = threading.Lock()


def subscribe(listener: Listener) -> None:
    """Let ``listener`` be told, in any thread, when a watch goes down, and why, or is up again."""
    with _lock:
        _listeners.append(listener)


def report(subject: str, reason: str) -> None:
    """Take down that the watch on ``subject`` fails."""
    with _lock:
        if _down.get(subject) == reason:
            return
        _down[subject] = reason
        _notify(subject, reason)


def resolve(subject: str) -> None:
    """Take down that the watch on ``subject`` works, or that there is none any more."""
    with _lock:
        if _down.pop(subject, ""):
            _notify(subject, "")


def _notify(subject: str, reason: str) -> None:
    for listener in _listeners:
        listener(subject, reason)
