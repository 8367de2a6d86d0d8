"""The name by which gfd was called, for usage lines and hints."""

from __future__ import annotations

import re
import sys

NAME = "gfd"
KUBECTL_PLUGIN = "kubectl-gfd"
"""The file name of a kubectl plugin: ``kubectl gfd`` runs it."""

_CALL = re.compile(r"(?<![\w-])gfd(?= )")


def find_name() -> str:
    """Return what the user types to call gfd: ``gfd``, or ``kubectl gfd``."""
    return f"kubectl {NAME}" if sys.argv[0].endswith(KUBECTL_PLUGIN) else NAME


def replace_name(command_line: str) -> str:
    """Return an example that begins with ``gfd``, or has it after a pipe, with the name to type instead."""
    return _CALL.sub(find_name(), command_line)
