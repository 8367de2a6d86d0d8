"""What the API server says of names and values that it refuses, word for word.

The rules are those of ``k8s.io/apimachinery`` (``IsLabelKey``, ``IsLabelValue``, ``IsDNS1123Subdomain``), the
words those of Kubernetes 1.37; tests/cluster compares them with a real API server.
"""

from __future__ import annotations

import re

from gfd.text import escape

_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_NAME})?"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"

_LONGEST_NAME, _LONGEST_SUBDOMAIN = 63, 253
_ENDS = "and must start and end with an alphanumeric character"
_OF_NAMES = f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"
_NAME_RULE = (
    f"{_OF_NAMES} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_VALUE_RULE = (
    f"a valid label must be an empty string or {_OF_NAMES.removeprefix('must ')} "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
)
_SUBDOMAIN_RULE = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS} "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_WITH_PREFIX = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
_EMPTY = "must be non-empty"

QUANTITY_RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NUMBER_RULE = "for 'Gt', 'Lt' operators, the value must be an integer"
"""What the scheduler says, to its log only; the API server takes such values."""


def invalid(value: str, rule: str) -> str:
    """Return what is said of a value that breaks a rule."""
    return f"Invalid value: {quoted(value)}: {rule}"


def unsupported(value: str, known: tuple[str, ...]) -> str:
    """Return what is said of a value that is none of ``known``."""
    return f"Unsupported value: {quoted(value)}: supported values: {', '.join(map(quoted, known))}"


def quoted(text: str) -> str:
    """Return ``text`` in quotes, with nothing in it that a terminal would obey."""
    return '"' + escape(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def of_label_key(key: str) -> str:
    """Return the rule that a label's key breaks; empty if none."""
    parts = key.split("/")
    if len(parts) > 2:
        return f"a valid label key {_NAME_RULE} {_WITH_PREFIX}"
    if len(parts) == 2 and (rule := _of_prefix(parts[0])):
        return f"prefix part {rule}"
    name = parts[-1]
    if not name:
        return f"name part {_EMPTY}"
    if _is_longer(name, _LONGEST_NAME):
        return f"name part {_at_most(_LONGEST_NAME)}"
    return "" if re.fullmatch(_NAME, name) else f"name part {_NAME_RULE}"


def of_label_value(value: str) -> str:
    """Return the rule that a label's value breaks; empty if none."""
    if _is_longer(value, _LONGEST_NAME):
        return _at_most(_LONGEST_NAME)
    return "" if re.fullmatch(_VALUE, value) else _VALUE_RULE


def of_node_name(name: str) -> str:
    """Return the rule that a node's name breaks; empty if none."""
    if _is_longer(name, _LONGEST_SUBDOMAIN):
        return _at_most(_LONGEST_SUBDOMAIN)
    return "" if re.fullmatch(_SUBDOMAIN, name) else _SUBDOMAIN_RULE


def _of_prefix(prefix: str) -> str:
    return of_node_name(prefix) if prefix else _EMPTY


def _is_longer(text: str, limit: int) -> bool:
    return len(text.encode(errors="surrogatepass")) > limit


def _at_most(limit: int) -> str:
    return f"must be no more than {limit} bytes"
