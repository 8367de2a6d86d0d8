"""Lines of ``key=value`` from templates, each with its origin: the template and line that rendered it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Line = tuple[str, int, str]
"""Template name, line number in the template, and the rendered text."""

ORIGIN_START, ORIGIN_END = "\x01", "\x02"
"""Enclose ``template:line`` in rendered text. :func:`check_value` keeps both characters out of values."""


class RenderedLabel(NamedTuple):
    """A label and its origin."""

    key: str
    value: str
    template: str
    line: int

    @property
    def origin(self) -> str:
        """``template:line``."""
        return f"{self.template}:{self.line}"


def check_value(value: Any) -> Any:
    """Return ``value`` unchanged. Raises ValueError for None and for control characters."""
    if value is None:
        raise ValueError("the value is None: the hardware has no such thing; test for it with an if")
    if isinstance(value, str) and not value.isprintable():
        raise ValueError(f"the value {value!r} contains control characters")
    return value


def format_value(value: Any) -> str:
    """Return the text of a value. Raises ValueError."""
    return str(check_value(value))


def parse_labels(lines: Iterable[Line]) -> Iterator[RenderedLabel]:
    """Yield the labels in rendered lines. Raises TemplateError."""
    for origin, line, content in lines:
        key, equals, value = content.partition("=")
        if not equals:
            raise TemplateError(origin, line, "the line is not of the form key=value", content)
        yield RenderedLabel(key=key.strip(), value=value.strip(), template=origin, line=line)


def split_lines(template: str, text: str) -> Iterator[Line]:
    """Split the text that ``template`` rendered into lines with their origins."""
    origin, line = template, 1
    for raw in text.split("\n"):
        content = ""
        for piece in raw.split(ORIGIN_START):
            mark, found, rest = piece.partition(ORIGIN_END)
            if not found:
                content += piece
                continue
            if "=" not in content:
                origin, _, number = mark.rpartition(":")
                line = int(number)
            content += rest
        content = content.strip()
        if content and not content.startswith("#"):
            yield origin, line, content
