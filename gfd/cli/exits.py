"""How gfd ends: every exit code, and the signals that the service takes.

Help, man page and the tables in the README come from here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Self

from gfd.worker.signals import ENDING, RELOADING

if TYPE_CHECKING:
    import signal


class ExitCode(IntEnum):
    """An exit code, and what it tells whoever started gfd."""

    DONE = 0, "Done."
    FAILED = 1, "Could not read, publish or write; or diff, doctor, match, select complain."
    MISUSED = 2, "Wrong use of the command line (1 when called as gpu-feature-discovery)."

    meaning: str
    """One sentence."""

    def __new__(cls, code: int, meaning: str) -> Self:
        """Return the member of that code."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member


SIGNALS: tuple[tuple[tuple[signal.Signals, ...], str], ...] = (
    (ENDING, "Ends the service, with 0; its labels stay."),
    ((RELOADING,), "Lets the service load configuration and templates again."),
)
"""What the service takes, and what it does then: one sentence."""
