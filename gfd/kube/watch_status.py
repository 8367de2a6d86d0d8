"""The watches that currently fail, and why. While a watch fails, gfd does not see changes by others.

Each watch runs in its own thread. The service subscribes here to hear about all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Listener = Callable[[str, str], None]
"""Receives the watched object, such as ``nodes/n1``, and the problem; an empty text if it is resolved."""

_problems: dict[str, str] = {}
_listeners: list[Listener] = []
_lock = threading.Lock()


def subscribe(listener: Listener) -> None:
    """Call ``listener``, from any thread, when a watch fails for a new reason or works again."""
    with _lock:
        _listeners.append(listener)


def report(subject: str, problem: str) -> None:
    """Record that the watch on ``subject`` fails."""
    with _lock:
        if _problems.get(subject) == problem:
            return
        _problems[subject] = problem
        _notify(subject, problem)


def resolve(subject: str) -> None:
    """Record that the watch on ``subject`` works, or has ended."""
    with _lock:
        if _problems.pop(subject, ""):
            _notify(subject, "")


def _notify(subject: str, problem: str) -> None:
    for listener in _listeners:
        listener(subject, problem)
