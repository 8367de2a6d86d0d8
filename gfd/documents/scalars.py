"""Convert a YAML scalar as Go's yaml.v2 does, with which the device plugin and kubectl read files.

Both programs convert YAML to JSON. If PyYAML differs, this module follows Go: ``y`` and ``on`` are true,
``1e3`` is a number, ``010`` is eight, ``1:30`` and ``2020-01-01`` are strings, and a float without a fraction
is a whole number.
"""

from __future__ import annotations

import re
from math import isfinite

Scalar = None | bool | int | float | str

YAML = "tag:yaml.org,2002:"

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]{0,19}|0))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES = (16, 2, 8, 10)
_EXPONENT_FROM = 1e21
"""Go writes floats from this value on with an exponent."""

_TYPES: dict[str, tuple[type, ...]] = {
    f"{YAML}bool": (bool,),
    f"{YAML}int": (int,),
    f"{YAML}float": (float, int),
    f"{YAML}null": (type(None),),
}


def convert(text: str, tag: str, *, is_plain: bool) -> Scalar:
    """Return the value of a scalar. ``tag`` is empty if it has none; ``is_plain`` is false if it is quoted.

    Raises ValueError whose text completes "the file …".
    """
    if tag == f"{YAML}binary":
        from base64 import b64decode

        try:
            return b64decode(text, validate=True).decode()
        except ValueError:
            raise ValueError("has a !!binary value that is not base64") from None
    value = resolve(text) if tag in _TYPES or (not tag and is_plain) else text
    if tag in _TYPES and type(value) not in _TYPES[tag]:
        raise ValueError(f"has a value that does not fit its tag: {text!r}")
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"has a number that JSON cannot hold: {text}")
        if value.is_integer() and abs(value) < _EXPONENT_FROM:
            return int(value)
    return value


def resolve(text: str) -> Scalar:
    """Return the value of ``text`` as a scalar without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    digits = text if text[0] == "." else text.replace("_", "") if text[0] in "+-0123456789" else ""
    if match := _INTEGER.fullmatch(digits):
        number = next(int(part, base) for part, base in zip(match.groups()[1:], _BASES, strict=True) if part)
        number = -number if match[1] == "-" else number
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.fullmatch(digits) and isfinite(float(digits)):
        return float(digits)
    return text
