"""Kueue's ResourceFlavor: which Nodes it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.affinity import read_node_selector
from gfd.tools.match.fields import text_of
from gfd.tools.match.pods import Pod
from gfd.tools.match.podspec import read_tolerations
from gfd.tools.match.spec import Spec
from gfd.tools.match.taints import Toleration, admit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.tools.match.documents import Document
    from gfd.tools.match.fields import Part

_SPEC = "ResourceFlavorSpec"


def read_resource_flavor(document: Document) -> Iterator[Pod]:
    """Yield a pod as Kueue admits it to the flavor, bearing its taints. Raises DocumentError."""
    labels, taints, tolerations = (
        document.part.find("spec", name) for name in ("nodeLabels", "nodeTaints", "tolerations")
    )
    borne = map(_bear, taints.items(_SPEC, "[]v1.Taint")) if taints else ()
    spec = Spec(
        node_selector=read_node_selector(labels, _SPEC),
        tolerations=admit((*read_tolerations(tolerations, _SPEC), *borne)),
    )
    yield Pod(
        kind=document.kind,
        name=document.name,
        namespace="",
        part="",
        file=document.part.file,
        line=document.part.line,
        spec=spec,
        notes=(),
    )


def _bear(taint: Part) -> Toleration:
    taint.struct(_SPEC, "v1.Taint")
    key, value, effect = (text_of(taint.member(name), "Taint") for name in ("key", "value", "effect"))
    return Toleration(key=key, value=value, effect=effect)
