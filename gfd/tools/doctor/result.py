"""The checks of ``gfd doctor`` and their results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config.model import Config
    from gfd.tools.doctor.context import Context

State = Literal["ok", "warn", "fail", "skip"]
"""The state of a check; ``skip`` means that it cannot decide, or does not apply here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check."""

    state: State
    seen: str
    """The finding, in a sentence."""
    next_step: str = ""
    """The next step for the user; empty if there is nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of this machine or its cluster."""

    name: str
    """The name in the first column: one or two words."""
    run: Callable[[Context], CheckResult]
    """The function that checks. It changes nothing. If it raises an error, only this check fails."""
    needs_cluster: bool = False
    strategies: tuple[str, ...] = ("nvml", "tegra", "vfio")
    """The discovery strategies that it is about."""
    applies: Callable[[Config], bool] = lambda _: True
    """Whether the check is about something that the configuration switches on; else it has no line."""


def ok(seen: str) -> CheckResult:
    """Return a result without a problem."""
    return CheckResult(state="ok", seen=seen)


def warn(seen: str, next_step: str) -> CheckResult:
    """Return a result that may become a problem."""
    return CheckResult(state="warn", seen=seen, next_step=next_step)


def fail(seen: str, next_step: str) -> CheckResult:
    """Return a result that makes labels wrong or missing."""
    return CheckResult(state="fail", seen=seen, next_step=next_step)


def skip(reason: str) -> CheckResult:
    """Return a result without an answer, and the reason."""
    return CheckResult(state="skip", seen=reason)
