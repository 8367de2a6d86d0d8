"""gfd as it is typed on a terminal of a given size, in a process of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

ENVIRONMENT = {"TERM": "xterm", "LANG": "C.UTF-8"}


class Terminal:
    """A program and what its terminal has been sent so far."""

    def __init__(self, process: subprocess.Popen[bytes], controller: int) -> None:
        self.process = process
        self._controller = controller
        self.text = ""

    def read(self) -> bool:
        """Wait for more; return whether there was any, or the program has closed the terminal."""
        try:
            chunk = os.read(self._controller, 65_536)
        except OSError:
            return False
        self.text += chunk.decode(errors="backslashreplace").replace("\r\n", "\n")
        return bool(chunk)

    def read_all(self) -> str:
        while self.read():
            pass
        self.process.wait()
        return self.text


@contextmanager
def typed(*words: str, columns: int = 60, lines: int = 24, **environ: str) -> Iterator[Terminal]:
    """Start gfd on a terminal; standard output and error are the same there."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    process = subprocess.Popen(
        (sys.executable, "-m", "gfd", *words),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=inherited | ENVIRONMENT | environ,
        start_new_session=True,
    )
    os.close(terminal)
    try:
        yield Terminal(process, controller)
    finally:
        process.kill()
        process.wait()
        os.close(controller)
