"""Find the line and the column in a file of a place in a text that is a value of the file."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.documents.value import Value


def find_place(file: str, value: Value, line: int, column: int) -> tuple[int, int]:
    """Return line and column in the text of a ``file`` of a line and a column of a string in it.

    All begin at 1. If YAML folds or escapes the string, only the line where it begins is known; the column
    is 0 then.
    """
    texts = str(value.content).splitlines() or [""]
    wanted = texts[min(line, len(texts)) - 1]
    first = value.line - 1
    # A text behind its key is on the same line; that of a block begins on the line after it.
    is_block = len(texts) > 1 or wanted not in _find_line(file, first)
    number = first + (line if is_block else 0)
    start = _find_line(file, number).find(wanted)
    if start < 0 or not wanted:
        return value.line, 0
    return number + 1, start + column


def _find_line(file: str, number: int) -> str:
    return next(islice(file.splitlines(), number, None), "")
