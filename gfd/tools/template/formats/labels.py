"""Labels as lines ``key=value``, as ``kubectl label`` takes them.

Empty lines and lines that begin with ``#`` are skipped when a file is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.text import quote
from gfd.tools.template.model import FormattedTemplate
from gfd.tools.template.saved_labels import SavedLabels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the labels as lines, sorted by key."""
    lines = (f"{key}={value}\n" for key, value in sorted(template.labels.items()))
    return FormattedTemplate(text="".join(lines))


def read(document: Value) -> list[SavedLabels]:
    """Return the labels of a text; none if the document is no text. Raises DocumentError."""
    if not isinstance(document.content, str):
        return []
    return [SavedLabels(labels=parse_pairs(document, list_lines(document)))]


def list_lines(document: Value) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text with their numbers, without empty lines and comments."""
    for number, line in enumerate(document.text().splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text


def parse_pairs(document: Value, pairs: Iterable[tuple[int, str]]) -> dict[str, str]:
    """Return the labels of texts ``key=value``, each with its line. Raises DocumentError."""
    labels: dict[str, str] = {}
    for line, pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise document._replace(line=line).error(f"{quote(pair)} is no label; write it as key=value")
        if labels.setdefault(key, value) != value:
            reason = f"{key} is there twice, as {quote(labels[key])} and {quote(value)}; remove one"
            raise document._replace(line=line).error(reason)
    return labels
