"""A pod of a file: whose it is, where it stands, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.kube.requirements import parse_integer
from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from gfd.tools.match.documents import Document
    from gfd.tools.match.podspec import Read
    from gfd.tools.match.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod, or all those that are made of one template."""

    kind: str
    """That of the object that it stands in."""
    name: str
    namespace: str
    """Empty where the file does not say."""
    part: str
    """Which of the object's pods it is: ``template argo-mig``; empty if it has one only."""
    file: str
    line: int
    spec: Spec
    notes: tuple[str, ...]
    """What a person should know besides; sentences without a full stop."""

    @property
    def title(self) -> str:
        """Return what a person calls it: ``Workflow argo/vector-add, template argo-mig``."""
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {name}" + (f", {self.part}" if self.part else "")


def make(document: Document, read: Read, *, line: int, part: str = "") -> Pod:
    """Return a pod of an object."""
    unjudged = (f"not judged: {', '.join(read.unjudged)}",) if read.unjudged else ()
    return Pod(
        kind=document.kind,
        name=document.name,
        namespace=document.namespace,
        part=part,
        file=document.part.file,
        line=line,
        spec=read.spec,
        notes=(*_hint(read), *_doubt(read.spec), *unjudged),
    )


def _hint(read: Read) -> tuple[str, ...]:
    """Return what is to be said of a pod that goes to a GPU and would not see it."""
    wanted = [
        each.key
        for each in read.spec.requirements()
        if each.key.startswith(VENDOR) and each.operator not in ("NotIn", "DoesNotExist")
    ]
    if not wanted or any(read.spec.requests.values()) or "resourceClaims" in read.unjudged:
        return ()
    blind = f"it selects nodes by {wanted[0]} and requests no {VENDOR}* resource: it would see no GPU there"
    return (f"{blind}; add resources: {{limits: {{{VENDOR}gpu: 1}}}}",)


def _doubt(spec: Spec) -> tuple[str, ...]:
    """Return what is to be said of comparisons that can never hold; the API server takes them."""
    return tuple(
        f"{each} (line {each.line}) holds nowhere: kube-scheduler compares whole numbers of 64 bits only"
        for each in spec.requirements()
        if each.operator in ("Gt", "Lt") and parse_integer(each.values[0]) is None
    )
