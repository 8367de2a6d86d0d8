"""The pods of the files that somebody asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.errors import DocumentError, GfdError, SeveralErrors
from gfd.text import escape
from gfd.tools.match.argo import find_missing
from gfd.tools.match.documents import identify, read_all
from gfd.tools.match.workloads import read_pods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.documents import Document
    from gfd.tools.match.pods import Pod

_LONGEST = 5
"""Objects that are named where there are too many."""


def read_files(paths: Sequence[str]) -> list[Pod]:
    """Return the pods of all files, in their order, ``-`` for standard input.

    Raises GfdError: one line for each object that is wrong, or for a file that cannot be read.
    """
    pods: list[Pod] = []
    errors: list[DocumentError] = []
    documents: list[Document] = []
    seen: dict[tuple[str, str, str, str], Document] = {}
    for listed in read_all(paths):
        try:
            document = identify(listed)
            documents.append(document)
            found = read_pods(document)
            if found:
                _check_name(document, seen)
            pods += found
        except DocumentError as error:
            errors.append(error)
    if not errors:
        errors += find_missing(documents)
    if errors:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
    if not pods:
        raise GfdError(_say_nothing(paths, documents))
    return pods


def _check_name(document: Document, seen: dict[tuple[str, str, str, str], Document]) -> None:
    """Raise DocumentError for the second object of one kind and name."""
    if document.is_generated:
        return
    key = (document.group, document.kind, document.namespace, document.name)
    first = seen.setdefault(key, document)
    if first is not document:
        where = f"the first is {first.part.file}:{first.part.line}"
        raise document.part.complain(f"a second {document.title}: {where}; give each a name of its own")


def _say_nothing(paths: Sequence[str], documents: Sequence[Document]) -> str:
    what = "; gfd match takes pods, and whatever pods are made of: Deployment, Job, Workflow and others"
    found = [f"{escape(each.title)} ({each.part.file}:{each.part.line})" for each in documents[:_LONGEST]]
    more = f" and {len(documents) - _LONGEST} more" if len(documents) > _LONGEST else ""
    if found:
        return f"there is no pod in {', '.join(found)}{more}{what}"
    return f"{escape(', '.join(paths))}: nothing in it{what}"
