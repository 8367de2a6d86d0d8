"""Limits on CPU time and memory for the operator's templates."""

from __future__ import annotations

import contextlib
import mmap
import resource
from typing import TYPE_CHECKING

from gfd.errors import ProbeError

if TYPE_CHECKING:
    from collections.abc import Iterator

CPU_S = 2
MEMORY_BYTES = 256 << 20
"""Memory in addition to what the process already has. A real template needs a thousandth of it."""

STATM = "/proc/self/statm"


def impose() -> None:
    """Limit CPU time and memory of this process: an alarm does not interrupt a template's expression.

    Raises ProbeError if /proc does not show how much memory the process has.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + CPU_S
    # The soft limit sends SIGXCPU, from which the parent knows the cause; the hard limit sends SIGKILL.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    try:
        with open(STATM, "rb") as file:  # noqa: PTH123 - pathlib costs an import
            pages = int(file.read().split()[0])
    except OSError as error:
        raise ProbeError(
            f"{STATM}: {error.strerror}", "mount /proc, which gfd needs to limit the memory of templates"
        ) from error
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = pages * mmap.PAGESIZE + MEMORY_BYTES
    resource.setrlimit(
        resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


@contextlib.contextmanager
def lift_memory_limit() -> Iterator[None]:
    """Lift the memory limit while an error is reported."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
