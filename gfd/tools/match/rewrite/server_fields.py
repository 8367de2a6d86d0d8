"""Remove the fields that the API server and its controllers set, so that an object can be applied again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.tools.match.rewrite.members import drop_members

if TYPE_CHECKING:
    from gfd.tools.match.manifests.objects import Manifest

_METADATA = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "ownerReferences",
)
_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
_JOB_LABELS = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)
"""Labels that the Job controller gives to its pods, and selects them by."""


def is_from_server(manifest: Manifest) -> bool:
    """Return whether an object comes from the API server."""
    return manifest.value.field("metadata").member("uid") is not None


def remove_server_fields(manifest: Manifest, plain: dict[str, Any]) -> None:
    """Remove the fields from ``plain``, the object as dicts and lists, if it comes from the API server."""
    if not is_from_server(manifest):
        return
    metadata = plain["metadata"]
    plain.pop("status", None)
    for name in _METADATA:
        metadata.pop(name, None)
    drop_members(metadata, "annotations", _ANNOTATIONS)
    spec = plain.get("spec") or {}
    if manifest.kind == "Pod":
        spec.pop("nodeName", None)
    if (manifest.group, manifest.kind) == ("batch", "Job") and not spec.get("manualSelector"):
        spec.pop("selector", None)
        drop_members(metadata, "labels", _JOB_LABELS)
        drop_members((spec.get("template") or {}).get("metadata") or {}, "labels", _JOB_LABELS)
