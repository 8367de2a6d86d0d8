"""Errors as values, for who wants to go on and tell of them later."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gfd.errors import GfdError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def attempt(work: Callable[[], T]) -> T | GfdError:
    """Return what ``work`` returns, or the GfdError that it raises."""
    try:
        return work()
    except GfdError as error:
        return error
