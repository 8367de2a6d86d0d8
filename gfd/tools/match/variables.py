"""Argo's variables, ``{{inputs.parameters.gpu}}``, as far as a file says what they are."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Content
    from gfd.tools.match.fields import Part

_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def read_parameters(part: Part | None, scope: str) -> dict[str, str]:
    """Return the values of ``parameters`` by variable: ``workflow.parameters.gpu``. Raises DocumentError."""
    parameters = part.member("parameters") if part else None
    found = {}
    for item in parameters.items("Arguments", "[]v1alpha1.Parameter") if parameters else ():
        name, value = item.member("name"), item.member("value") or item.member("default")
        if name and value and isinstance(value.value, str | int | float):
            text = value.value if isinstance(value.value, str) else str(value.value).lower()
            found[f"{scope}.parameters.{name.text('Parameter')}"] = text
    return found


def fill(part: Part, variables: Mapping[str, str]) -> Part:
    """Return ``part`` with the variables that are known filled in."""
    return replace(part, value=_fill(part.value, variables))


def demand_all(part: Part) -> None:
    """Raise DocumentError where a variable is left."""
    for leaf in _leaves(part):
        if isinstance(leaf.value, str) and (match := _VARIABLE.search(leaf.value)):
            raise leaf.complain(
                f"{leaf.path}: {match[0]} is known only when the workflow runs;"
                " give the parameter a value, or a default, to have this template judged"
            )


def _fill(content: Content, variables: Mapping[str, str]) -> Content:
    if isinstance(content, str):
        return _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), content)
    if isinstance(content, tuple):
        return tuple(item._replace(content=_fill(item.content, variables)) for item in content)
    if isinstance(content, dict):
        return {name: item._replace(content=_fill(item.content, variables)) for name, item in content.items()}
    return content


def _leaves(part: Part) -> Iterator[Part]:
    if isinstance(part.value, dict):
        for entry in part.entries("", "").values():
            yield from _leaves(entry)
    elif isinstance(part.value, tuple):
        for item in part.items("", ""):
            yield from _leaves(item)
    else:
        yield part
