"""Read files of Kubernetes objects, in YAML or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.documents.reader import read_all
from gfd.errors import DocumentError
from gfd.files import read_input
from gfd.text import escape
from gfd.tools.match.manifests.indentation import explain
from gfd.tools.match.podspec.fields import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.documents.value import Value

STANDARD_INPUT = "-"
_READ_ADVICE = {
    FileNotFoundError: "for a pod of the cluster run kubectl get pod NAME -o yaml | gfd match -",
    IsADirectoryError: "name the files in it",
    PermissionError: "make it readable, or run gfd as its owner",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A Kubernetes object of a file."""

    value: Value
    api_version: str
    kind: str
    name: str
    """The name; it ends with ``*`` if Kubernetes generates the rest."""
    namespace: str

    @property
    def group(self) -> str:
        """Return the API group; empty for the core group, which has Pods."""
        return self.api_version.rpartition("/")[0]

    @property
    def title(self) -> str:
        """Return kind, namespace and name: ``Pod team/train``."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}".rstrip()

    @property
    def place(self) -> str:
        """Return ``file:line``."""
        return f"{self.value.source}:{self.value.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """The text of a file."""

    source: str
    """The name of the file for people."""
    text: str


def parse_objects(file: ManifestFile) -> Iterator[Value]:
    """Yield the objects of a file, and of Lists in it. Raises DocumentError."""
    for document in _read_documents(file.text, file.source):
        if document.content is not None:
            yield from _unpack(document)


def _read_documents(text: str, source: str) -> Iterator[Value]:
    try:
        yield from read_all(text, source)
    except DocumentError as error:
        raise DocumentError(source, error.line, f"{error.reason}{explain(text, error.line)}") from error


def read_file(path: str) -> ManifestFile:
    """Return a file, ``-`` for standard input. Raises DocumentError if it cannot be read."""
    source = "standard input" if path == STANDARD_INPUT else escape(path)
    try:
        data = read_input(path)
    except OSError as error:
        advice = _READ_ADVICE.get(type(error), "name another file")
        if path.startswith(("http://", "https://")):
            advice = f"gfd reads no URLs; run curl -L {path} | gfd match -"
        raise DocumentError(source, 0, f"cannot be read: {error.strerror or error}; {advice}") from error
    try:
        return ManifestFile(source=source, text=data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError(
            source, line, "is not text in UTF-8; save it as UTF-8, or name another file"
        ) from error


def _unpack(value: Value) -> Iterator[Value]:
    """Yield an object, or the items of a List; items of a PodList need no kind of their own."""
    kind, items = value.member("kind"), value.member("items")
    if kind is None or items is None or not str(kind.content).endswith("List"):
        yield value
        return
    item_kind = kind._replace(content=str(kind.content).removesuffix("List"))
    version = value.member("apiVersion")
    inherited = {"kind": item_kind, "apiVersion": version} if item_kind.content and version else {}
    for item in items.items():
        content = inherited | item.content if isinstance(item.content, dict) else item.content
        yield item._replace(content=content, path="")


def _guess_tool(value: Value) -> str:
    """Return what to do with a file of another tool; empty if nothing tells which tool it is."""
    resources = value.member("resources")
    if resources and isinstance(resources.content, tuple):
        return "; if this is a kustomization, run kubectl kustomize DIRECTORY | gfd match -"
    if value.member("kind"):
        return ""
    return "; if these are values of a Helm chart, run helm template CHART -f FILE | gfd match -"


def identify(value: Value) -> Manifest:
    """Return an object with its kind and name. Raises DocumentError if it is not a Kubernetes object."""
    if not isinstance(value.content, dict):
        raise value.error("is not a Kubernetes object, which has apiVersion, kind, metadata and spec")
    kind, api_version = read_text(value, "kind"), read_text(value, "apiVersion")
    if not kind or not api_version:
        missing = " and ".join(
            name for name, text in (("apiVersion", api_version), ("kind", kind)) if not text
        )
        verb = "are" if " " in missing else "is"
        raise value.error(f"is not a Kubernetes object: {missing} {verb} missing{_guess_tool(value)}")
    name, prefix = read_text(value, "metadata", "name"), read_text(value, "metadata", "generateName")
    return Manifest(
        value=value,
        api_version=api_version,
        kind=kind,
        name=name or (f"{prefix}*" if prefix else ""),
        namespace=read_text(value, "metadata", "namespace"),
    )
