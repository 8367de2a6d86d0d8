"""Compile expressions and evaluate them on devices."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.model import Version
from gfd.tools.match.cel.checker import check
from gfd.tools.match.cel.errors import EvaluationError
from gfd.tools.match.cel.evaluation import make_evaluator
from gfd.tools.match.cel.quantity_functions import make_quantity
from gfd.tools.match.cel.values import Crash, DomainMap, Failure, MissingKey, describe, parse_version

if TYPE_CHECKING:
    from gfd.clusterview.dra.model import Device, Scalar
    from gfd.tools.match.cel.evaluation import Evaluator

_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(maxsize=1024)
def compile_expression(text: str) -> Expression:
    """Return the expression, checked as the API server checks a new one.

    Raises CompileError if the API server refuses it, NotSupported if gfd cannot judge it, and CelMissing
    without the extra ``dra``.
    """
    return Expression(text, make_evaluator(check(text).root))


class Expression:
    """A CEL expression that selects devices."""

    def __init__(self, text: str, evaluator: Evaluator) -> None:
        self.text = text
        self._evaluator = evaluator

    def matches(self, device: Device) -> bool:
        """Return whether the device is selected.

        Raises EvaluationError if the expression fails on the device, and NotSupported if gfd cannot judge
        what it does with the values of this device.
        """
        try:
            result = self._evaluator({"device": _describe(device)})
        except Failure as failure:
            raise _explain(failure) from failure
        except Crash as crash:
            raise EvaluationError(str(crash)) from crash
        if not isinstance(result, bool):
            raise EvaluationError(f"the result is {describe(result)}, neither true nor false")
        return result


def _describe(device: Device) -> dict[str, Any]:
    """Return the value of the variable ``device``."""
    attributes, capacity = DomainMap("attributes"), DomainMap("capacity")
    for name, value in device.attributes.items():
        domain, _, short = name.rpartition("/")
        converted = list(map(_convert, value)) if isinstance(value, tuple) else _convert(value)
        attributes.add(domain or device.id.driver, short, converted)
    for name, number in device.capacity.items():
        domain, _, short = name.rpartition("/")
        capacity.add(domain or device.id.driver, short, make_quantity(number))
    return {
        "driver": device.id.driver,
        "allowMultipleAllocations": device.is_shareable,
        "attributes": attributes,
        "capacity": capacity,
    }


def _convert(value: Scalar) -> Any:
    return parse_version(value.text) if isinstance(value, Version) else value


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
