"""Compile expressions, and evaluate them on devices."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.clusterview.dra.model import Device


@lru_cache(maxsize=1024)
def compile_expression(text: str) -> Expression:
    """Return the expression, checked as the API server checks a new one.

    Raises CompileError if the API server refuses it, NotSupported if gfd cannot judge it, and CelMissing
    without the extra ``dra``.
    """
    from gfd.tools.match.cel.program import make_program  # 10 ms that only claims need

    return Expression(text, make_program(text))


class Expression:
    """A CEL expression that selects devices."""

    def __init__(self, text: str, program: Callable[[Device], bool]) -> None:
        self.text = text
        self._program = program

    def matches(self, device: Device) -> bool:
        """Return whether the device is selected.

        Raises EvaluationError if the expression fails on the device, and NotSupported if gfd cannot judge
        what it does with the values of this device.
        """
        return self._program(device)
