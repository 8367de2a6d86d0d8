"""Check JSON from outside before it is used.

A schema is a function that raises :class:`SchemaError` for a value that does not match. In an object, null
counts as absent: Kubernetes writes null for empty fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = Callable[[Any], None]

_MAX_INT = 1 << 63
_VERSION_LENGTH = 1024


class SchemaError(ValueError):
    """A value that does not match its schema; the text names the field and the problem."""

    def __init__(self, problem: str, *path: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def within(self, name: str) -> SchemaError:
        """Return the same error with the parent's field ``name`` in front of its path."""
        return SchemaError(self.problem, name, *self.path)

    def __str__(self) -> str:
        """Return a sentence without a full stop: ``metadata.name is not a string``."""
        return f"{''.join(self.path).lstrip('.') or 'it'} {self.problem}"


def any_value(value: Any) -> None:
    """Accept every value."""


def string(value: Any) -> None:
    """Accept a string that can be encoded as UTF-8."""
    if not isinstance(value, str):
        raise SchemaError("is not a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise SchemaError("is not valid Unicode") from None


def boolean(value: Any) -> None:
    """Accept true and false."""
    if not isinstance(value, bool):
        raise SchemaError("is neither true nor false")


def non_negative(value: Any) -> None:
    """Accept 0 and positive whole numbers below 2**63."""
    if type(value) is not int or not 0 <= value < _MAX_INT:
        raise SchemaError("is not a whole number")


def resource_version(value: Any) -> None:
    """Accept a resourceVersion: a number since Kubernetes 1.35, before that any printable text."""
    is_text = isinstance(value, str) and value.isascii() and value.isprintable()
    if not is_text or not 0 < len(value) <= _VERSION_LENGTH:
        raise SchemaError("is not a resource version")


def object_of(fields: Mapping[str, Schema], *required: str) -> Schema:
    """Return the schema of an object with these ``fields``. Unknown fields are accepted."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise SchemaError("is not an object")
        for name, schema in fields.items():
            found = value.get(name)
            if found is None:
                if name in required:
                    raise SchemaError("is missing", f".{name}")
                continue
            try:
                schema(found)
            except SchemaError as error:
                raise error.within(f".{name}") from None

    return check


def array_of(item: Schema) -> Schema:
    """Return the schema of a list whose items match ``item``."""

    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise SchemaError("is not a list")
        for index, one in enumerate(value):
            try:
                item(one)
            except SchemaError as error:
                raise error.within(f"[{index}]") from None

    return check


def map_of(item: Schema) -> Schema:
    """Return the schema of an object with any field names, whose values match ``item``."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise SchemaError("is not an object")
        for name, one in value.items():
            try:
                string(name)
                item(one)
            except SchemaError as error:
                raise error.within(f".{name}") from None

    return check
