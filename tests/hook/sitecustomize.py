"""Writes down what a Python process, and each one it forks, imports and starts: GFD_HOOK_LOG says where."""

from __future__ import annotations

import os
import sys

_WATCHED = {"import": "import", "os.fork": "process", "subprocess.Popen": "process"}


def _write(event: str, arguments: tuple[object, ...]) -> None:
    if event in _WATCHED:
        os.write(_log, f"{_WATCHED[event]} {arguments[0] if arguments else ''}\n".encode())


_log = os.open(os.environ["GFD_HOOK_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
sys.addaudithook(_write)
