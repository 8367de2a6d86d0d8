"""What a check found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.tools.doctor.context import Site

State = Literal["ok", "warn", "fail", "skip"]
"""``skip``: it cannot be told, or is no matter here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer of one check."""

    state: State
    seen: str
    next_step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about a site."""

    name: str
    """A word or two, for the first column."""
    examine: Callable[[Site], Finding]
    """Writes nothing. Whatever it raises becomes a failure of this check alone."""
    needs_cluster: bool = False


def ok(seen: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(state="ok", seen=seen)


def warn(seen: str, next_step: str) -> Finding:
    """Return a finding that gfd can live with."""
    return Finding(state="warn", seen=seen, next_step=next_step)


def fail(seen: str, next_step: str) -> Finding:
    """Return a finding that keeps labels from being right, or from coming at all."""
    return Finding(state="fail", seen=seen, next_step=next_step)


def skip(reason: str) -> Finding:
    """Return that there is no answer, and why."""
    return Finding(state="skip", seen=reason)
