"""Replace variables of Argo and Tekton, such as ``{{inputs.parameters.gpu}}``, with values in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.workloads.composition import compose_mapping

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Content, Value
    from gfd.tools.match.workloads.composition import Part

_PLACEMENT = ("nodeSelector", "affinity", "tolerations")
_CONTAINERS = ("containers", "initContainers")


def read_parameters(value: Value | None, *path: str, scope: str) -> dict[str, str]:
    """Return the values of a list of parameters by variable, such as ``params.gpu``. Raises DocumentError."""
    found = {}
    for item in read_items(value, *path) if value else ():
        default = item.member("value") or item.member("default")
        if default and isinstance(default.content, str | int | float):
            text = default.content if isinstance(default.content, str) else str(default.content).lower()
            found[f"{scope}.{read_text(item, 'name')}"] = text
    return found


class Variables:
    """The variables of a template, with the values that the file gives them."""

    def __init__(self, pattern: re.Pattern[str], values: Mapping[str, str]) -> None:
        """Describe variables; the first group of ``pattern`` is the name of a variable."""
        self._pattern = pattern
        self._values = values

    def fill(self, value: Value) -> Value:
        """Return ``value`` with the known variables replaced."""
        return value._replace(content=self._fill(value.content))

    def fill_text(self, text: str) -> str:
        """Return ``text`` with the known variables replaced."""
        return self._pattern.sub(lambda match: self._values.get(match[1], match[0]), text)

    def fill_spec(self, spec: Value) -> tuple[Value, tuple[str, ...]]:
        """Return a PodSpec with the known variables replaced, and the amounts that are unknown until it runs.

        Raises DocumentError if a number of devices or a requirement on the node has no value.
        """
        filled = self.fill(spec)
        for name in _PLACEMENT:
            if placement := filled.member(name):
                self._check(placement)
        unknown: dict[str, str] = {}
        lists = {
            name: [self._drop_unknown(each, unknown) for each in read_items(filled, name)]
            for name in _CONTAINERS
            if filled.member(name)
        }
        return compose_mapping(filled, lists, filled), tuple(unknown.values())

    def _drop_unknown(self, container: Value, unknown: dict[str, str]) -> Value:
        """Return a container without the amounts that have no value yet, and add a text about each."""
        resources = container.member("resources")
        if resources is None or not isinstance(resources.content, dict):
            return container
        parts: dict[str, Part] = {}
        for kind, amounts in resources.mapping().items():
            if not isinstance(amounts.content, dict):
                continue
            known = dict(amounts.content)
            for name, amount in amounts.mapping().items():
                left = self._find_left(amount)
                if left and name.startswith(VENDOR):
                    self._check(amount)
                elif left:
                    unknown[name] = f"{name}: {left} has no value before it runs"
                    del known[name]
            parts[kind] = amounts._replace(content=known)
        return compose_mapping(
            container, {"resources": compose_mapping(resources, parts, resources)}, container
        )

    def _check(self, value: Value) -> None:
        for each in _walk(value):
            if left := self._find_left(each):
                raise each.error(
                    f"{left} has no value before it runs; give the parameter a value or a default"
                )

    def _find_left(self, value: Value) -> str:
        """Return a variable that is left in a string; empty if none is."""
        match = self._pattern.search(value.content) if isinstance(value.content, str) else None
        return match[0] if match else ""

    def _fill(self, content: Content) -> Content:
        if isinstance(content, str):
            return self.fill_text(content)
        if isinstance(content, tuple):
            return tuple(map(self.fill, content))
        if isinstance(content, dict):
            return {key: self.fill(item) for key, item in content.items()}
        return content


def _walk(value: Value) -> Iterator[Value]:
    """Yield a value and everything in it."""
    yield value
    if isinstance(value.content, dict):
        for member in value.mapping().values():
            yield from _walk(member)
    elif isinstance(value.content, tuple):
        for item in value.items():
            yield from _walk(item)
