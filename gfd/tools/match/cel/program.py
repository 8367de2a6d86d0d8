"""Make functions that evaluate expressions on devices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.tools.match.cel.checker import check
from gfd.tools.match.cel.device_value import describe_device
from gfd.tools.match.cel.errors import EvaluationError
from gfd.tools.match.cel.evaluation import make_evaluator
from gfd.tools.match.cel.values import Crash, Failure, MissingKey, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.clusterview.dra.model import Device

_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def make_program(text: str) -> Callable[[Device], bool]:
    """Return a function that says whether an expression selects a device.

    It raises EvaluationError and NotSupported. Raises CompileError, NotSupported and CelMissing.
    """
    evaluator = make_evaluator(check(text).root)

    def evaluate(device: Device) -> bool:
        try:
            result = evaluator({"device": describe_device(device)})
        except Failure as failure:
            raise _explain(failure) from failure
        except Crash as crash:
            raise EvaluationError(str(crash)) from crash
        if not isinstance(result, bool):
            raise EvaluationError(f"the result is {describe(result)}, neither true nor false")
        return result

    return evaluate


def _explain(failure: Failure) -> EvaluationError:
    if failure.missing is None:
        return EvaluationError(failure.reason)
    missing = _write(failure.missing)
    kind = "attribute" if failure.missing.kind == "attributes" else "capacity"
    return EvaluationError(
        f"the device has no {kind} {missing}", missing=missing, guard=_guard(failure.missing)
    )


def _write(missing: MissingKey) -> str:
    """Return the attribute or capacity as an expression names it."""
    domain = f"device.{missing.kind}['{missing.domain}']"
    return (
        f"{domain}.{missing.name}" if _IDENTIFIER.fullmatch(missing.name) else f"{domain}['{missing.name}']"
    )


def _guard(missing: MissingKey) -> str:
    """Return an expression that is true only if the device has the attribute or capacity."""
    if _IDENTIFIER.fullmatch(missing.name):
        return f"has({_write(missing)})"
    return f"'{missing.name}' in device.{missing.kind}['{missing.domain}']"
