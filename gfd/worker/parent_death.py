"""The parent-death signal: a process that ends when its parent ends."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int) -> None:
    """Let the kernel kill this process when its parent ends.

    The kernel watches the thread that forked this process: that thread must live as long as the parent.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # the parent had ended before the call
        os._exit(1)
