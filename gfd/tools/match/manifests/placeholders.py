"""Find the variables of tools that must process a file before Kubernetes can read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.errors import DocumentError

_PLACEHOLDERS = (
    (
        re.compile(r"\{\{.*?(?:\}\}|$)"),
        "is part of a template; fill it in first, for example with helm template",
    ),
    (
        re.compile(r"\$\{\w+[^}]*\}?|\$[A-Za-z_]\w*"),
        "is a variable; fill it in first, with envsubst, kubectl kustomize or oc process",
    ),
)


def explain_placeholder(text: str) -> str:
    """Return what the first variable in a text is, and what to do; empty if there is none."""
    for pattern, advice in _PLACEHOLDERS:
        if match := pattern.search(text):
            return f"; {match[0]} {advice}"
    return ""


def add_hint(error: DocumentError) -> DocumentError:
    """Return an error with a hint if its text shows a variable, which is the cause."""
    hint = explain_placeholder(error.reason)
    if not hint:
        return error
    return type(error)(error.source, error.line, f"{error.reason}{hint}", error.path, column=error.column)
