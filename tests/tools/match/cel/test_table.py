"""Hundreds of expressions give on devices what they give in Kubernetes."""

from __future__ import annotations

import pytest

from tests.tools.match.cel.table import ExpressionRow, agrees, judge, read_table


@pytest.mark.parametrize("row", read_table(), ids=lambda row: row.expression[:80])
def test_an_expression_gives_what_it_gives_in_kubernetes(row: ExpressionRow) -> None:
    own = judge(row.expression)
    assert agrees(own, row.result), own
    assert ("?" not in own) is row.is_judged
