"""What the rest of a process may use, once it comes to the operator's templates."""

from __future__ import annotations

import contextlib
import mmap
import resource
from collections.abc import Callable, Iterator

from gfd.errors import ProbeError

Note = Callable[[str], None]
"""Says what is being done now, so that it is known when nothing more is heard."""


def silent(_text: str) -> None:
    """Do not say it: a Note for where nobody waits."""


CPU_S = 2
MEMORY_BYTES = 256 << 20
"""Beyond what the process has; any real template needs a thousandth."""

STATM = "/proc/self/statm"


def impose() -> None:
    """Bound CPU time and memory of this process: no alarm stops an expression of a template.

    Raises ProbeError where the kernel does not tell how much memory the process has.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + CPU_S
    # At the hard limit the kernel sends SIGKILL, which would not say what it is for.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    try:
        with open(STATM, "rb") as file:  # noqa: PTH123 - pathlib costs an import
            pages = int(file.read().split()[0])
    except OSError as error:
        raise ProbeError(
            f"{STATM}: {error.strerror}; mount /proc: the memory limit for templates is taken from there"
        ) from error
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = pages * mmap.PAGESIZE + MEMORY_BYTES
    resource.setrlimit(
        resource.RLIMIT_AS, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard)
    )


@contextlib.contextmanager
def lifted() -> Iterator[None]:
    """Take the memory limit off, to say what broke it."""
    bound, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
