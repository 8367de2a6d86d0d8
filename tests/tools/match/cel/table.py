"""The table of expressions: what Kubernetes gives for each on the devices of :mod:`.devices`.

A line is a result and an expression. The result is ``refused``, or a letter for each device: t for true,
f for false, e for an error. A question mark says that gfd does not judge the expression on some device.
``pytest --update-golden tests/cluster/test_cel.py`` writes the results of Kubernetes for all lines; write
``new EXPRESSION`` to add one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gfd.tools.match.cel import CompileError, EvaluationError, NotSupported, compile_expression
from tests.tools.match.cel.devices import DEVICES

TABLE = Path(__file__).parent / "expressions.txt"
REFUSED = "refused"
_UNJUDGED = "?"


@dataclass(frozen=True)
class ExpressionRow:
    """An expression with the result of Kubernetes."""

    result: str
    is_judged: bool
    expression: str

    def __str__(self) -> str:
        mark = "" if self.is_judged else "?"
        return f"{self.result}{mark}  {self.expression}"


def read_table() -> list[ExpressionRow]:
    """Return the rows of the file."""
    rows = []
    for line in TABLE.read_text().splitlines():
        result, expression = line.split(maxsplit=1)
        rows.append(ExpressionRow(result.removesuffix("?"), not result.endswith("?"), expression))
    return rows


def judge(expression: str) -> str:
    """Return what gfd gives, as in the table; with a question mark where it does not judge."""
    try:
        compiled = compile_expression(expression)
    except CompileError:
        return REFUSED
    except NotSupported:
        return _UNJUDGED * len(DEVICES)
    letters = ""
    for device in DEVICES.values():
        try:
            letters += "t" if compiled.matches(device) else "f"
        except EvaluationError:
            letters += "e"
        except NotSupported:
            letters += _UNJUDGED
    return letters


def agrees(own: str, right: str) -> bool:
    """Return whether what gfd gives is right, or not judged."""
    if set(own) == {_UNJUDGED}:
        return True
    return len(own) == len(right) and all(a in (b, _UNJUDGED) for a, b in zip(own, right, strict=True))
