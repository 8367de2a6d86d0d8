"""What the rest of a process may use, once it comes to the operator's templates."""

from __future__ import annotations

import mmap
import resource
from collections.abc import Callable

Note = Callable[[str], None]
"""Says what is being done now, so that it is known when nothing more is heard."""


def silent(_text: str) -> None:
    """Do not say it: a Note for where nobody waits."""


CPU_S = 2
MEMORY_BYTES = 256 << 20
"""Beyond what the process has; any real template needs a thousandth."""


def impose() -> None:
    """Bound CPU time and memory of this process: no alarm stops an expression of a template."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + CPU_S
    # At the hard limit the kernel sends SIGKILL, which would not say what it is for.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib costs an import
        pages = int(file.read().split()[0])
    bound = pages * mmap.PAGESIZE + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
