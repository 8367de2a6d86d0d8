"""The labels that a file holds in one of the formats of ``gfd template``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.labels.syntax import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedLabels:
    """The labels that a format's reader finds in a file."""

    owner: str = ""
    """The object that has them, such as ``NodePool gpu``; empty if the file does not tell."""
    labels: Labels


def name_owner(document: Value) -> str:
    """Return kind and name of an object of Kubernetes; empty if it has none."""
    kind, metadata = document.member("kind"), document.member("metadata")
    name = metadata.member("name") if metadata else None
    return " ".join(str(each.content) for each in (kind, name) if each)


def read_saved_labels(document: Value, kind: str, *path: str) -> list[SavedLabels]:
    """Return the labels at ``path`` in an object of that kind; none for any other document.

    Raises DocumentError.
    """
    found = document.member("kind")
    if found is None or found.content != kind:
        return []
    value = document
    for key in path:
        value = value.field(key)
    labels = {key: each.text() for key, each in value.mapping().items()}
    return [SavedLabels(owner=name_owner(document), labels=labels)]
