"""Read Kueue's ResourceFlavors, which select nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.tools.match.affinity import read_node_selector
from gfd.tools.match.fields import find, read_items, read_text
from gfd.tools.match.pods import make_pod
from gfd.tools.match.scheduling import SchedulingSpec, Toleration
from gfd.tools.match.tolerations import add_default_tolerations, read_tolerations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.documents.value import Value
    from gfd.tools.match.manifests import Manifest
    from gfd.tools.match.pods import Pod


def read_resource_flavor(manifest: Manifest) -> Iterator[Pod]:
    """Yield a pod that Kueue admits to the flavor; it tolerates the flavor's taints. Raises DocumentError."""
    tolerations = read_tolerations(find(manifest.value, "spec", "tolerations"))
    taints = read_items(manifest.value, "spec", "nodeTaints")
    spec = SchedulingSpec(
        node_selector=read_node_selector(find(manifest.value, "spec", "nodeLabels")),
        tolerations=add_default_tolerations((*tolerations, *map(_tolerate, taints))),
    )
    pod = make_pod(manifest, spec, line=manifest.value.line)
    yield replace(pod, namespace="", notes=())


def _tolerate(taint: Value) -> Toleration:
    key, value, effect = (read_text(taint, name) for name in ("key", "value", "effect"))
    return Toleration(key=key, value=value, effect=effect)
