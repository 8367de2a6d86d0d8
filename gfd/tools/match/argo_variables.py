"""Replace Argo's variables, such as ``{{inputs.parameters.gpu}}``, with the values in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.tools.match.fields import read_items, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.documents.value import Content, Value

_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def read_parameters(value: Value | None, scope: str) -> dict[str, str]:
    """Return the values of ``parameters`` by variable: ``workflow.parameters.gpu``. Raises DocumentError."""
    found = {}
    for item in read_items(value, "parameters") if value else ():
        default = item.member("value") or item.member("default")
        if default and isinstance(default.content, str | int | float):
            text = default.content if isinstance(default.content, str) else str(default.content).lower()
            found[f"{scope}.parameters.{read_text(item, 'name')}"] = text
    return found


def fill(value: Value, variables: Mapping[str, str]) -> Value:
    """Return ``value`` with the known variables replaced."""
    return value._replace(content=_fill(value.content, variables))


def check_filled(value: Value) -> None:
    """Raise DocumentError if a variable is left."""
    if isinstance(value.content, dict):
        members = list(value.mapping().values())
    else:
        members = value.items() if isinstance(value.content, tuple) else []
    for member in members:
        check_filled(member)
    if isinstance(value.content, str) and (match := _VARIABLE.search(value.content)):
        raise value.error(
            f"{match[0]} has no value before the workflow runs; give the parameter a value or a default"
        )


def _fill(content: Content, variables: Mapping[str, str]) -> Content:
    if isinstance(content, str):
        return _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), content)
    if isinstance(content, tuple):
        return tuple(fill(item, variables) for item in content)
    if isinstance(content, dict):
        return {key: fill(item, variables) for key, item in content.items()}
    return content
