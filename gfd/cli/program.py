"""The name by which gfd was called, for usage lines and hints."""

from __future__ import annotations

import re
import sys

NAME = "gfd"
KUBECTL_PLUGIN = "kubectl-gfd"
"""The file name of a kubectl plugin: ``kubectl gfd`` runs it."""

_CALL = re.compile(r"(?<!-n )(?<!-- )\bgfd(?= )")
"""A call of gfd on this machine: neither a namespace, nor a call in a container."""


def find_name() -> str:
    """Return what the user types to call gfd: ``gfd``, or ``kubectl gfd``."""
    return f"kubectl {NAME}" if sys.argv[0].endswith(KUBECTL_PLUGIN) else NAME


def replace_name(command_line: str) -> str:
    """Return an example or a hint with what to type in place of ``gfd``."""
    return _CALL.sub(find_name(), command_line)
