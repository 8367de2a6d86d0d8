"""Record the imports and the new processes of a Python process and its forks in the file GFD_HOOK_LOG."""

from __future__ import annotations

import os
import sys

_EVENTS = {"import": "import", "os.fork": "process", "subprocess.Popen": "process"}


def _record(event: str, arguments: tuple[object, ...]) -> None:
    if event in _EVENTS:
        os.write(_log, f"{_EVENTS[event]} {arguments[0] if arguments else ''}\n".encode())


_log = os.open(os.environ["GFD_HOOK_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
sys.addaudithook(_record)
