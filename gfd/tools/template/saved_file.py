"""Read a file that ``gfd template`` printed, whatever its format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.documents.reader import read_all
from gfd.documents.value import Value
from gfd.errors import DocumentError
from gfd.files import read_input
from gfd.text import escape, join_words
from gfd.tools.template.formats import FORMATS, kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gfd.labels.syntax import Labels
    from gfd.tools.template.saved_labels import SavedLabels

_ASSIGNMENT = re.compile(r"[^\s:=\[{\"]+=")
"""The beginning of a line ``key=value``, which YAML and JSON do not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTemplate:
    """What a file says that a node will have."""

    source: str
    """The name of the file."""
    format: str
    """The format that it has, as after ``-o``."""
    labels: Labels


def read_saved_template(path: Path) -> SavedTemplate:
    """Return the labels of a file; ``-`` is standard input. Raises DocumentError."""
    source = "standard input" if str(path) == "-" else escape(str(path))
    try:
        data = read_input(path)
    except OSError as error:
        raise DocumentError(source, 0, f"{error.strerror}; write one with gfd template") from error
    try:
        documents = list(_read_documents(data, source))
    except DocumentError as error:
        reason = f"{error.reason}; expected a file that gfd template printed"
        raise DocumentError(source, error.line, reason) from error
    # Lines key=value come last: they have no mark of their own.
    for name, each in reversed(tuple(FORMATS.items())):
        if found := [labels for document in documents for labels in each.read(document)]:
            return SavedTemplate(source=source, format=name, labels=_choose(source, found))
    kinds = {str(kind.content) for each in documents if (kind := each.member("kind"))}
    what = f"holds a {escape(join_words(sorted(kinds), 'and a'))}, which has" if kinds else "has"
    formats = join_words((name for name, each in FORMATS.items() if each.has_labels), "or")
    raise DocumentError(
        source, 0, f"{what} no labels of a node to compare with; print them with gfd template -o {formats}"
    )


def _read_documents(data: bytes, source: str) -> Iterator[Value]:
    """Yield the text, or the documents of YAML or JSON and the items of a List. Raises DocumentError."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError(source, line, "is not text in UTF-8") from error
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if _ASSIGNMENT.match(first) or kubelet.FLAG in text:
        yield Value(source=source, line=1, content=text)
        return
    for document in read_all(data, source):
        kind, items = document.member("kind"), document.member("items")
        if kind and str(kind.content).endswith("List") and items:
            yield from items.items()
        elif not isinstance(document.content, str):
            yield document


def _choose(source: str, found: list[SavedLabels]) -> Labels:
    """Return the labels of the only object that has some. Raises DocumentError if there are several."""
    first, *others = [each for each in found if each.labels] or found
    if others:
        owners = join_words((each.owner or "one without a name" for each in (first, *others)), "and")
        raise DocumentError(source, 0, f"holds the labels of {escape(owners)}; keep only one in the file")
    if not first.labels:
        owner = f"{escape(first.owner)} has" if first.owner else "has"
        raise DocumentError(source, 0, f"{owner} no labels to compare with; print them with gfd template")
    return first.labels
