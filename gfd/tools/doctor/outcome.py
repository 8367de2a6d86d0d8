"""Return errors as values, so that one error does not end the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gfd.errors import GfdError, ProbeError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def catch_error(work: Callable[[], T]) -> T | GfdError:
    """Return what ``work`` returns, or the GfdError that it raises."""
    try:
        return work()
    except GfdError as error:
        return error


def split_error(error: GfdError, next_step: str) -> tuple[str, str]:
    """Return the reason of an error and its next step, by default ``next_step``."""
    if isinstance(error, ProbeError) and error.advice:
        return error.reason, error.advice
    return str(error), next_step
