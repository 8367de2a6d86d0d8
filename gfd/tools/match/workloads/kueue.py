"""Read Kueue's ResourceFlavors, which select nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find, read_items
from gfd.tools.match.workloads.composition import compose, pick
from gfd.tools.match.workloads.kind import PodTemplate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.workloads.kind import Reader

_QUEUE = "kueue.x-k8s.io/queue-name"


def read_resource_flavor(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield a pod that Kueue admits to the flavor; it tolerates the flavor's taints. Raises DocumentError."""
    spec = manifest.value.field("spec")
    taints = [
        compose(taint, **pick(taint, "key", "value", "effect")) for taint in read_items(spec, "nodeTaints")
    ]
    pod = compose(
        spec,
        containers=[compose(spec)],
        nodeSelector=spec.member("nodeLabels"),
        tolerations=[*read_items(spec, "tolerations"), *taints],
    )
    yield PodTemplate(spec=pod, line=manifest.value.line, is_alone=True, adjust=_adjust)


def _adjust(pod: Pod) -> Pod:
    """Return a pod without the note that it requests no GPU: the pods of a queue do."""
    return replace(pod, namespace="", notes=())


def list_unjudged(value: Value) -> tuple[str, ...]:
    """Return a text if a queue of Kueue decides when the object's pods start."""
    queue = find(value, "metadata", "labels", _QUEUE)
    return (f"{_QUEUE}: Kueue must admit it to the queue {queue.content}",) if queue else ()


KINDS: Mapping[tuple[str, str], Reader] = {("kueue.x-k8s.io", "ResourceFlavor"): read_resource_flavor}
