"""Values in the config file, by the rules of Go's ``encoding/json``.

All functions raise DocumentError, which names the expected and the found value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.config.values import OFF, format_value, parse_duration
from gfd.documents.value import MAX_INTEGER, describe, is_integer
from gfd.labels.syntax import VENDOR, explain_domain
from gfd.text import quote, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.documents.value import Content, Value

MAX_RESOURCE_NAME = 63
"""The maximum number of characters, including the prefix."""

_HEX = "[0-9a-fA-F]"
_DASHED_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_UUID = rf"(?:{_HEX}{{32}}|(?:(?i:urn:uuid:))?{_DASHED_UUID}|\{{{_DASHED_UUID}\}})"
_INDEX = "[0-9]{1,20}"
_INDEX_LIMIT = 2**64
_DEVICE = re.compile(
    rf"({_INDEX})(?::({_INDEX}))?|GPU-{_UUID}|MIG-{_UUID}|MIG-GPU-{_UUID}/({_INDEX})/({_INDEX})"
)


def read_texts(kind: str, value: Value) -> tuple[str, ...]:
    """Return a value of this kind as texts for a flag."""
    return READERS[kind](value)


def read_resource_name(value: Value) -> str:
    """Return a full resource name; the prefix ``nvidia.com/`` can be left out."""
    name = value.content
    if not isinstance(name, str):
        raise value.error(f"expected a resource name such as nvidia.com/gpu, found {describe(name)}")
    full = VENDOR + name.removeprefix(VENDOR)
    if len(full.encode()) > MAX_RESOURCE_NAME:
        raise value.error(
            f"expected at most {MAX_RESOURCE_NAME} characters, found {len(full)}: {shorten(full)}"
        )
    if explain_domain(full.removeprefix(VENDOR)):
        raise value.error(
            f"expected a resource name such as nvidia.com/gpu (lower-case letters, digits, '-' and '.'),"
            f" found {quote(name)}"
        )
    return full


def has_all_devices(value: Value) -> bool:
    """Return whether ``devices`` is ``all``, and not a count or a list of devices."""
    content = value.content
    if content == "all":
        return True
    if is_integer(content) and 0 < content <= MAX_INTEGER:
        return False
    if isinstance(content, tuple) and all(_is_device(item.content) for item in content):
        return False
    expected = "expected all, a count above 0, or a list of indices (0, 0:1) and UUIDs (GPU-…, MIG-…)"
    raise value.error(f"{expected}, found {_describe_items(content)}")


def _is_device(content: Content) -> bool:
    if isinstance(content, str):
        match = _DEVICE.fullmatch(content)
        return match is not None and all(int(index) < _INDEX_LIMIT for index in match.groups("0"))
    return content is None or (is_integer(content) and 0 <= content < _INDEX_LIMIT)


def _read_string(value: Value) -> tuple[str, ...]:
    return (value.text(),)


def _read_bool(value: Value) -> tuple[str, ...]:
    return (format_value(value.boolean()),)


def _read_duration(value: Value) -> tuple[str, ...]:
    content = value.content
    if content is False:  # off without quotes
        return (OFF,)
    if isinstance(content, str):
        try:
            # Like the original, refuse the file even if a flag replaces this value.
            parse_duration(content if content != OFF else "0")
        except ValueError as error:
            raise value.error(str(error)) from None
        return (content,)
    if isinstance(content, int | float) and not isinstance(content, bool):
        return (f"{int(content)}ns",)
    raise value.error(f"expected a duration such as 60s, found {describe(content)}")


def _read_list(value: Value) -> tuple[str, ...]:
    """Return the texts of a string with commas, or of a list of strings; leave out null."""
    content = value.content
    if isinstance(content, str):
        return (content,)
    if isinstance(content, tuple) and all(isinstance(item.content, str | None) for item in content):
        return tuple(item.content for item in content if isinstance(item.content, str))
    raise value.error(f"expected a string or a list of strings, found {_describe_items(content)}")


def _read_integers(value: Value) -> tuple[str, ...]:
    content = value.content
    if isinstance(content, tuple) and all(
        item.content is None or is_integer(item.content) for item in content
    ):
        return tuple(str(item.content or 0) for item in content)
    raise value.error(f"expected a list of whole numbers, found {_describe_items(content)}")


def _describe_items(content: Content) -> str:
    if isinstance(content, tuple):
        return f"a list of {', '.join(describe(item.content) for item in content)}"
    return describe(content)


READERS: Mapping[str, Callable[[Value], tuple[str, ...]]] = {
    "string": _read_string,
    "path": _read_string,
    "address": _read_string,
    "choice": _read_string,
    "bool": _read_bool,
    "duration": _read_duration,
    "list": _read_list,
    "integers": _read_integers,
}
"""The functions that read a value, by its kind."""
