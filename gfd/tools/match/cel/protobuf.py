"""Read messages in protobuf's encoding.

The runtime gives the tree of an expression only in this form. The package protobuf would need generated
classes for it, and would add its own limits on versions.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from struct import unpack
from typing import Any

_VARINT, _EIGHT_BYTES, _DELIMITED = 0, 1, 2


class Message:
    """A message; each method returns a field by its number, and zero or nothing if it is absent."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def has(self, field: int) -> bool:
        """Return whether the field is there."""
        return field in self._fields

    def number(self, field: int) -> int:
        """Return an unsigned number."""
        return int(self._fields[field][-1]) if self.has(field) else 0

    def numbers(self, field: int) -> list[int]:
        """Return a repeated number, which may be packed."""
        found: list[int] = []
        for value in self._fields.get(field, ()):
            if isinstance(value, int):
                found.append(value)
            else:
                position = 0
                while position < len(value):
                    number, position = _read_varint(value, position)
                    found.append(number)
        return found

    def signed(self, field: int) -> int:
        """Return a number of 64 bits with a sign."""
        number = self.number(field)
        return number - (1 << 64) if number >> 63 else number

    def double(self, field: int) -> float:
        """Return a floating-point number."""
        return float(unpack("<d", self.data(field))[0])

    def data(self, field: int) -> bytes:
        """Return bytes."""
        return bytes(self._fields[field][-1]) if self.has(field) else b""

    def text(self, field: int) -> str:
        """Return a string."""
        return self.data(field).decode()

    def message(self, field: int) -> Message:
        """Return a message."""
        return Message(self.data(field))

    def messages(self, field: int) -> list[Message]:
        """Return a repeated message."""
        return [Message(each) for each in self._fields.get(field, ())]

    @cached_property
    def _fields(self) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = defaultdict(list)
        position = 0
        while position < len(self._data):
            tag, position = _read_varint(self._data, position)
            field, kind = tag >> 3, tag & 7
            value: int | bytes
            if kind == _VARINT:
                value, position = _read_varint(self._data, position)
            else:
                if kind == _DELIMITED:
                    size, position = _read_varint(self._data, position)
                else:
                    size = 8 if kind == _EIGHT_BYTES else 4
                value, position = self._data[position : position + size], position + size
            found[field].append(value)
        return dict(found)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    number = shift = 0
    while True:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
