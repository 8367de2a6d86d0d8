"""The exit codes, and the signals that the service handles.

The help, the man page and a table in the README are generated from here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Self

from gfd.worker.signals import END_SIGNALS, RELOAD_SIGNAL

if TYPE_CHECKING:
    import signal


class ExitCode(IntEnum):
    """An exit code and its meaning."""

    DONE = 0, "Success."
    FAILED = 1, "An error; or diff, doctor, match or select found something wrong."
    MISUSED = 2, "Wrong use of the command line (1 when called as gpu-feature-discovery)."
    UNDECIDED = 3, "match: every pod fits or may fit, but something could not be judged."

    meaning: str
    """The meaning, in one sentence."""

    def __new__(cls, code: int, meaning: str) -> Self:
        """Return the member of that code."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member


SIGNALS: tuple[tuple[tuple[signal.Signals, ...], str], ...] = (
    (END_SIGNALS, "Stop the service with exit code 0; its labels stay."),
    ((RELOAD_SIGNAL,), "Make the service load its configuration and templates again."),
)
"""Signals, and their effect in one sentence."""
