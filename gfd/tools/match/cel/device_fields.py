"""Check how an expression uses the variable ``device``: the runtime knows it only by its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.cel.errors import CompileError, NotSupported
from gfd.tools.match.cel.positions import locate
from gfd.tools.match.cel.syntax import Comprehension, Identifier, Part, Selection, walk

if TYPE_CHECKING:
    from gfd.tools.match.cel.syntax import Syntax

_DEVICE = "device"
_FIELDS = ("allowMultipleAllocations", "attributes", "capacity", "driver")


def check_device(syntax: Syntax, text: str) -> None:
    """Raise CompileError for a field that devices do not have, NotSupported for the device as a whole."""
    for part in walk(syntax.root):
        if isinstance(part, Comprehension) and _DEVICE in (*part.variables, part.accumulator):
            raise NotSupported(f"a loop or binding with a variable named {_DEVICE} is not judged")
        for child in part.children:
            if _is_device(child):
                _check_use(part, syntax, text)
    if _is_device(syntax.root):
        raise CompileError("must evaluate to bool or the unknown type, not kubernetes.DRADevice", 1, 1)


def _check_use(parent: Part, syntax: Syntax, text: str) -> None:
    if not isinstance(parent, Selection):
        raise NotSupported(f"an expression that passes on the variable {_DEVICE} is not judged")
    if parent.field not in _FIELDS:
        line, column = locate(syntax.offsets.get(parent.id, 0), text)
        known = ", ".join(_FIELDS)
        raise CompileError(f"undefined field '{parent.field}': a device has {known}", line, column)
    if parent.is_test:
        raise NotSupported(f"has({_DEVICE}.{parent.field}) is not judged; a device always has this field")


def _is_device(part: Part) -> bool:
    return isinstance(part, Identifier) and part.name == _DEVICE
