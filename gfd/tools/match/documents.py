"""Files of Kubernetes objects, in YAML or JSON, one document after the other."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gfd.documents.reader import read_all as read_documents
from gfd.errors import DocumentError
from gfd.text import escape
from gfd.tools.match import indentation
from gfd.tools.match.fields import Part, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An object in a file."""

    part: Part
    """All of it."""
    api_version: str
    kind: str
    name: str
    """With ``*`` at its end where Kubernetes generates the rest."""
    namespace: str
    is_generated: bool
    """Whether Kubernetes makes up the name."""

    @property
    def group(self) -> str:
        """The API group; empty for that of Pods."""
        return self.api_version.rpartition("/")[0]

    @property
    def title(self) -> str:
        """Return what a person calls it."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


_IN_THE_CLUSTER = "; a pod of the cluster is read with kubectl get pod NAME -o yaml | gfd match -"


def read_all(paths: Sequence[str]) -> Iterator[Listed]:
    """Yield the objects of files, ``-`` for standard input, those of a List one by one.

    Raises DocumentError for what cannot be read on.
    """
    for path in paths:
        name = "standard input" if path == STANDARD_INPUT else escape(path)
        text = _read_text(path, name)
        for part in _parse(text, name):
            yield from _unpack(part)


def _read_text(path: str, name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as error:
        hint = _IN_THE_CLUSTER if isinstance(error, FileNotFoundError) else ""
        raise DocumentError(name, 0, f"cannot be read: {error.strerror or error}{hint}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError(name, line, "is not valid YAML: it is not text in UTF-8") from error


def _parse(text: str, name: str) -> Iterator[Part]:
    try:
        for document in read_documents(text, name):
            if document.content is not None:
                yield Part(file=name, line=document.line, path="", value=document.content)
    except DocumentError as error:
        hint = indentation.explain(text, error.line)
        raise DocumentError(name, error.line, escape(f"{error.reason}{hint}")) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An object, with what the typed List around it says of it."""

    part: Part
    api_version: str = ""
    kind: str = ""


def _unpack(part: Part) -> Iterator[Listed]:
    """Yield an object, or those of a List."""
    kind, items = part.member("kind"), part.member("items")
    if kind is None or items is None or not str(kind.value).endswith("List"):
        yield Listed(part=part)
        return
    item_kind = str(kind.value).removesuffix("List")
    version = text_of(part.member("apiVersion"), "TypeMeta") if item_kind else ""
    for item in items.items("List", "[]runtime.RawExtension"):
        yield Listed(part=replace(item, path=""), api_version=version, kind=item_kind)


def identify(listed: Listed) -> Document:
    """Return an object as what it says it is. Raises DocumentError where it does not say."""
    part = listed.part
    if not isinstance(part.value, dict):
        raise part.complain("is no Kubernetes object: expected apiVersion, kind, metadata and spec")
    kind = text_of(part.member("kind"), "TypeMeta") or listed.kind
    version = text_of(part.member("apiVersion"), "TypeMeta") or listed.api_version
    if not kind or not version:
        missing = "apiVersion" if kind else "kind"
        raise part.complain(f"is no Kubernetes object: {missing} is missing{indentation.find_lost(part)}")
    name = text_of(part.find("metadata", "name"), "ObjectMeta")
    generated = text_of(part.find("metadata", "generateName"), "ObjectMeta")
    return Document(
        part=part,
        api_version=version,
        kind=kind,
        name=name or (f"{generated}*" if generated else ""),
        namespace=text_of(part.find("metadata", "namespace"), "ObjectMeta"),
        is_generated=not name,
    )
