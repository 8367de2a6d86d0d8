"""Find comments, which no value keeps. Import it late: it imports PyYAML."""

from __future__ import annotations

from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def has_comments(text: str) -> bool:
    """Return whether a text, which must be valid YAML, has comments: they stand between its tokens."""
    lines = text.splitlines()
    line = column = 0
    for token in yaml.scan(text.encode(), Loader=_Loader):
        end = token.start_mark
        between = [*lines[line : end.line], lines[end.line][: end.column] if end.line < len(lines) else ""]
        between[0] = between[0][column:]
        if any("#" in each for each in between):
            return True
        line, column = token.end_mark.line, token.end_mark.column
    return False
