"""Read the tree of an expression, with its types, from what the runtime serialises.

The format is protobuf's encoding of ``cel.expr.ParsedExpr`` and ``cel.expr.CheckedExpr``
(``proto/cel/expr/syntax.proto`` and ``checked.proto`` of CEL's specification).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel.protobuf import Message
from gfd.tools.match.cel.syntax import (
    Call,
    Comprehension,
    Constant,
    Entry,
    Identifier,
    ListLiteral,
    MapLiteral,
    Part,
    Selection,
    Syntax,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_PRIMITIVES = ("", "bool", "int", "uint", "double", "string", "bytes")
_WELL_KNOWN = ("", "any", "timestamp", "duration")


def read_syntax(data: bytes) -> Syntax:
    """Return the tree of a serialised expression."""
    envelope = Message(data)
    is_checked = envelope.text(1).endswith(".CheckedExpr")
    content = envelope.message(2)
    root = content.message(4 if is_checked else 2)
    source = content.message(5 if is_checked else 3)
    types = content.messages(3) if is_checked else ()
    return Syntax(
        root=_read_part(root),
        offsets={each.number(1): each.number(2) for each in source.messages(4)},
        types={each.number(1): _read_type(each.message(2)) for each in types},
    )


def _read_part(message: Message) -> Part:
    number = message.number(2)
    kind = next(kind for kind in _READERS if message.has(kind))
    return _READERS[kind](number, message.message(kind))


def _read_identifier(number: int, message: Message) -> Identifier:
    return Identifier(id=number, name=message.text(1))


def _read_selection(number: int, message: Message) -> Selection:
    operand = _read_part(message.message(1))
    return Selection(id=number, operand=operand, field=message.text(2), is_test=bool(message.number(3)))


def _read_call(number: int, message: Message) -> Call:
    target = _read_part(message.message(1)) if message.has(1) else None
    arguments = tuple(map(_read_part, message.messages(3)))
    return Call(id=number, function=message.text(2), target=target, arguments=arguments)


def _read_list(number: int, message: Message) -> ListLiteral:
    elements = tuple(map(_read_part, message.messages(1)))
    return ListLiteral(id=number, elements=elements, optional=frozenset(message.numbers(2)))


def _read_map(number: int, message: Message) -> MapLiteral:
    entries = tuple(map(_read_entry, message.messages(2)))
    return MapLiteral(id=number, entries=entries, type_name=message.text(1))


def _read_constant(number: int, message: Message) -> Constant:
    for kind, (name, read) in _CONSTANTS.items():
        if message.has(kind):
            return Constant(id=number, value=read(message, kind), type=name)
    return Constant(id=number, value=None, type="null")


def _read_entry(message: Message) -> Entry:
    return Entry(
        key=_read_part(message.message(3))
        if message.has(3)
        else Constant(id=0, value=message.text(2), type="string"),
        value=_read_part(message.message(4)),
        is_optional=bool(message.number(5)),
    )


def _read_comprehension(number: int, message: Message) -> Comprehension:
    variables = (message.text(1), message.text(8)) if message.has(8) else (message.text(1),)
    return Comprehension(
        id=number,
        variables=variables,
        range=_read_part(message.message(2)),
        accumulator=message.text(3),
        start=_read_part(message.message(4)),
        condition=_read_part(message.message(5)),
        step=_read_part(message.message(6)),
        result=_read_part(message.message(7)),
    )


def _read_type(message: Message) -> str:
    """Return a type as CEL writes it; ``dyn`` for one that only counts while types are checked."""
    kind = next((kind for kind in _TYPE_READERS if message.has(kind)), None)
    return _TYPE_READERS[kind](message) if kind is not None else "dyn"


def _read_abstract_type(message: Message) -> str:
    parameters = ", ".join(map(_read_type, message.messages(2)))
    return f"{message.text(1)}({parameters})" if parameters else message.text(1)


def _read_map_type(message: Message) -> str:
    return f"map({_read_type(message.message(1))}, {_read_type(message.message(2))})"


_READERS: dict[int, Callable[[int, Message], Part]] = {
    3: _read_constant,
    4: _read_identifier,
    5: _read_selection,
    6: _read_call,
    7: _read_list,
    8: _read_map,
    9: _read_comprehension,
}
"""What reads an Expr, by the field of its kind."""
_CONSTANTS: dict[int, tuple[str, Callable[[Message, int], Any]]] = {
    2: ("bool", lambda message, kind: bool(message.number(kind))),
    3: ("int", Message.signed),
    4: ("uint", Message.number),
    5: ("double", Message.double),
    6: ("string", Message.text),
    7: ("bytes", Message.data),
}
"""What reads a Constant, by the field of its kind."""
_TYPE_READERS: dict[int, Callable[[Message], str]] = {
    2: lambda _: "null",
    3: lambda message: _PRIMITIVES[message.number(3)],
    5: lambda message: _WELL_KNOWN[message.number(5)],
    6: lambda message: f"list({_read_type(message.message(6).message(1))})",
    7: lambda message: _read_map_type(message.message(7)),
    9: lambda message: message.text(9),
    11: lambda _: "type",
    14: lambda message: _read_abstract_type(message.message(14)),
}
"""What reads a Type, by the field of its kind."""
