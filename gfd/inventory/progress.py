"""Report the current step of a read or a rendering.

A driver call or a template can hang or crash its process. The parent process can then name the step in its
error message.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Receives the name of the step that starts now, such as ``nvmlInit``."""


def ignore_progress(_step: str) -> None:
    """Do nothing: the default if no parent process waits."""
