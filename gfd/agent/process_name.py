"""The name of this process, as other processes see it.

The kernel shows gfd as ``python3 /usr/local/bin/gpu-feature-discovery``. The config-manager of NVIDIA's
device plugin looks for a process whose first argument is exactly ``gpu-feature-discovery``, to send SIGHUP.
"""

from __future__ import annotations

from pathlib import Path

from gfd.config.options import ORIGINAL

PROC_SELF = Path("/proc/self")
_ARG_START, _ARG_END = 48, 49
"""Fields of ``/proc/self/stat``, counted from 1: the addresses of the process's arguments."""


def show_original_name(called_as: str, proc: Path = PROC_SELF) -> None:
    """Show gpu-feature-discovery as the first argument of this process, if it was called by that name.

    ``called_as`` is ``sys.argv[0]``. The other arguments stay as they are. Raises OSError if the kernel does
    not let the process change its arguments.
    """
    if Path(called_as).name != ORIGINAL:
        return
    shown = (proc / "cmdline").read_bytes()
    interpreter, found, arguments = shown.partition(called_as.encode(errors="surrogateescape") + b"\0")
    # Without an interpreter before it, the name may already be right, and must not get longer.
    if not found or not interpreter:
        return
    # The second field is the name of the program in brackets; it may contain spaces.
    fields = (proc / "stat").read_text(errors="replace").rpartition(")")[2].split()
    start, end = (int(fields[number - 3]) for number in (_ARG_START, _ARG_END))
    if end - start != len(shown):
        raise OSError("the kernel does not tell where the arguments of the process are")
    with (proc / "mem").open("r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write((ORIGINAL.encode() + b"\0" + arguments).ljust(len(shown), b"\0"))
