"""The page for pod authors: what it calls an error is one, and what it says to write instead works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tools.match.cel.table import REFUSED, agrees, judge, read_table

PAGE = Path(__file__).parents[4] / "docs/dra-pods.md"
ROW = re.compile(r"\| `(.+?)` \| (.+?) \| `(.+?)` \|")


def read_rows() -> list[tuple[str, str, str]]:
    """Return the rows of the table of errors: expression, what happens, and what to write instead."""
    section = PAGE.read_text().split("## Errors in CEL")[1].split("\n## ")[0]
    return [match.groups() for line in section.splitlines() if (match := ROW.fullmatch(line))]  # type: ignore[misc]


def expand(expression: str) -> str:
    return re.sub(r"\bg\.", "device.attributes['gpu.nvidia.com'].", expression)


@pytest.mark.parametrize(("expression", "happens", "instead"), read_rows())
def test_the_page_says_what_happens(expression: str, happens: str, instead: str) -> None:
    known = {row.expression: row.result for row in read_table()}
    right = known[expand(expression)]
    assert agrees(judge(expand(expression)), right)
    assert (right == REFUSED) == happens.startswith("refused")
    assert right == REFUSED or right[0] == "e"
    assert judge(expand(instead)) == known[expand(instead)]
    assert known[expand(instead)][0] in "tf"


def test_the_page_has_rows() -> None:
    assert len(read_rows()) == 8
