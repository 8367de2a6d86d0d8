"""What templates write: lines of ``key=value``, each with the template and the line of it that wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Line = tuple[str, int, str]
"""A template, the number of the line of it that wrote this, and what it wrote."""

ORIGIN_START, ORIGIN_END = "\x01", "\x02"
"""Around ``template:line`` in what a template writes. Values cannot hold them: see :func:`check_value`."""


class RenderedLabel(NamedTuple):
    """A label, and where it was written."""

    key: str
    value: str
    template: str
    line: int

    @property
    def origin(self) -> str:
        """``template:line``."""
        return f"{self.template}:{self.line}"


def check_value(value: Any) -> Any:
    """Return a value as it is, but refuse what would break the line that it stands in. Raises ValueError."""
    if value is None:
        raise ValueError("the value is None: the hardware has no such thing; test for it first")
    if isinstance(value, str) and not value.isprintable():
        raise ValueError(f"the value {value!r} holds control characters")
    return value


def format_value(value: Any) -> str:
    """Return what a template writes of a value. Raises ValueError."""
    return str(check_value(value))


def parse_labels(lines: Iterable[Line]) -> Iterator[RenderedLabel]:
    """Yield the labels that lines write. Raises TemplateError."""
    for origin, line, content in lines:
        key, equals, value = content.partition("=")
        if not equals:
            raise TemplateError(
                origin, line, "a line that is not empty is not of the form key=value", content
            )
        yield RenderedLabel(key=key.strip(), value=value.strip(), template=origin, line=line)


def split_lines(template: str, text: str) -> Iterator[Line]:
    """Yield what ``template`` wrote, each line after the template and line that wrote it."""
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
