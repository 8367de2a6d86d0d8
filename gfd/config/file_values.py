"""What each kind of value in the config file may be, by the rules of Go's ``encoding/json``.

Every check takes what the file says and raises ValueError with what was expected and what was found.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.config.values import OFF, parse_duration
from gfd.documents.value import describe, is_integer
from gfd.labels.syntax import VENDOR, explain_domain
from gfd.text import quote, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.documents.value import Content

MAX_RESOURCE_NAME = 63
"""Characters, with the prefix."""

_HEX = "[0-9a-fA-F]"
_DASHED_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_UUID = rf"(?:{_HEX}{{32}}|(?:(?i:urn:uuid:))?{_DASHED_UUID}|\{{{_DASHED_UUID}\}})"
_INDEX = "[0-9]{1,20}"
_INDEX_LIMIT = 2**64
_DEVICE = re.compile(
    rf"({_INDEX})(?::({_INDEX}))?|GPU-{_UUID}|MIG-{_UUID}|MIG-GPU-{_UUID}/({_INDEX})/({_INDEX})"
)


def _string(value: Content) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    quotes = "; put it in quotes" if isinstance(value, bool | int | float) else ""
    raise ValueError(f"expected a string, found {describe(value)}{quotes}")


def _bool(value: Content) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true" if value else "false",)
    raise ValueError(f"expected true or false (without quotes), found {describe(value)}")


def _duration(value: Content) -> tuple[str, ...]:
    if value is False:  # what YAML makes of off without quotes
        return (OFF,)
    if isinstance(value, str):
        if value != OFF:
            parse_duration(value)  # refused here, even where a flag wins over it: the original does so too
        return (value,)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (f"{int(value)}ns",)
    raise ValueError(f"expected a duration such as 60s, found {describe(value)}")


def _list(value: Content) -> tuple[str, ...]:
    """Return the texts of a string, which may hold commas, or of a list of strings; null is empty."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, tuple) and all(isinstance(item.content, str | None) for item in value):
        return tuple(item.content for item in value if isinstance(item.content, str))
    raise ValueError(f"expected a string or a list of strings, found {_found_list(value)}")


def _integers(value: Content) -> tuple[str, ...]:
    if isinstance(value, tuple) and all(item.content is None or is_integer(item.content) for item in value):
        return tuple(str(item.content or 0) for item in value)
    raise ValueError(f"expected a list of whole numbers, found {_found_list(value)}")


def _found_list(value: Content) -> str:
    if isinstance(value, tuple):
        return "a list of " + (", ".join(describe(item.content) for item in value))
    return describe(value)


READERS: Mapping[str, Callable[[Content], tuple[str, ...]]] = {
    "string": _string,
    "path": _string,
    "address": _string,
    "choice": _string,
    "bool": _bool,
    "duration": _duration,
    "list": _list,
    "integers": _integers,
}
"""By kind: what the file says to the texts that a flag would give."""


def resource_name(value: Content) -> str:
    """Return a full resource name: ``gpu`` and ``nvidia.com/gpu`` mean the same."""
    if not isinstance(value, str):
        raise ValueError(f"expected a resource name such as nvidia.com/gpu, found {describe(value)}")  # noqa: TRY004
    full = VENDOR + value.removeprefix(VENDOR)
    if len(full.encode()) > MAX_RESOURCE_NAME:
        raise ValueError(
            f"expected at most {MAX_RESOURCE_NAME} characters, found {len(full)}: {shorten(full)}"
        )
    if explain_domain(full.removeprefix(VENDOR)):
        raise ValueError(
            f"expected a resource name such as nvidia.com/gpu (lower-case letters, digits, '-' and '.'),"
            f" found {quote(value)}"
        )
    return full


def names_all_devices(value: Content) -> bool:
    """Return whether ``devices`` is ``all``, rather than a count or a list of devices."""
    if value == "all":
        return True
    if is_integer(value) and 0 < value < 2**63:
        return False
    if isinstance(value, tuple) and all(_is_device(item.content) for item in value):
        return False
    expected = "expected all, a count above 0, or a list of indices (0, 0:1) and UUIDs (GPU-…, MIG-…)"
    raise ValueError(f"{expected}, found {_found_list(value)}")


def _is_device(value: Content) -> bool:
    if isinstance(value, str):
        match = _DEVICE.fullmatch(value)
        return match is not None and all(int(index) < _INDEX_LIMIT for index in match.groups("0"))
    return value is None or (is_integer(value) and 0 <= value < _INDEX_LIMIT)
