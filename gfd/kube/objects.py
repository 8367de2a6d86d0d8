"""Shapes of what the API server answers with, as far as gfd relies on them."""

from __future__ import annotations

from gfd.kube.shapes import Shape, anything, boolean, count, each, fields, text, values, version

NODES = "/api/v1/nodes"
"""The path of all Nodes."""

_OWNER = fields(
    {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), text),
        **dict.fromkeys(("controller", "blockOwnerDeletion"), boolean),
    },
    *("apiVersion", "kind", "name", "uid"),
)
_KEYS = fields({f"f:{kind}": values(anything) for kind in ("labels", "annotations", "ownerReferences")})
_MANAGED = fields(
    {
        **dict.fromkeys(("manager", "operation", "subresource", "time"), text),
        "fieldsV1": fields({"f:metadata": _KEYS, "f:spec": _KEYS}),
    }
)
_METADATA = {
    **dict.fromkeys(("name", "namespace", "uid"), text),
    "resourceVersion": version,
    "generation": count,
    "labels": values(text),
    "annotations": values(text),
    "managedFields": each(_MANAGED),
    "ownerReferences": each(_OWNER),
}

METADATA = fields(_METADATA, "name", "uid", "resourceVersion")
"""Of an object that the server keeps."""

MANAGED = fields(_METADATA)
"""Metadata of which nothing need be there, such as those that kubectl prints."""
ANSWER = fields({"metadata": MANAGED})
"""Whatever the server may answer with."""
OBJECT = fields({"metadata": METADATA}, "metadata")
"""An object of which the metadata count; partial or whole."""
ITEM = fields(
    {"metadata": fields({"name": text, "uid": text, "resourceVersion": version}, "name", "uid")}, "metadata"
)
"""One of thousands, whose reader looks at all else itself."""
BOOKMARK = fields({"metadata": fields({"resourceVersion": version}, "resourceVersion")}, "metadata")
"""What a watch tells where nothing has changed."""

NODE_FEATURE = fields(
    {"metadata": METADATA, "spec": fields({"labels": values(text), "features": values(anything)})},
    *("metadata", "spec"),
)
POD = fields(
    {
        "metadata": METADATA,
        "spec": fields(
            {
                "containers": each(
                    fields(
                        {"name": text, "image": text, "command": each(text), "args": each(text)},
                        "name",
                        "image",
                    )
                )
            },
            "containers",
        ),
        "status": fields({"containerStatuses": each(fields({"name": text, "ready": boolean}, "name"))}),
    },
    *("metadata", "spec"),
)
POLICY = fields(
    {
        "metadata": METADATA,
        "spec": fields({"matchConditions": each(fields({"expression": text}, "expression"))}),
    },
    *("metadata", "spec"),
)
POLICY_BINDING = fields(
    {
        "metadata": METADATA,
        "spec": fields({"policyName": text, "validationActions": each(text)}, "policyName"),
    },
    *("metadata", "spec"),
)

VERSION = fields({"gitVersion": text}, "gitVersion")
RESOURCES = fields({"resources": each(fields({"name": text}, "name"))})
IDENTITY = fields(
    {
        "status": fields(
            {"userInfo": fields({"username": text, "extra": values(each(text))}, "username")}, "userInfo"
        )
    },
    "status",
)
ACCESS = fields({"status": fields({"allowed": boolean})}, "status")

_CAUSE = fields(dict.fromkeys(("field", "message", "reason"), text))
STATUS = fields(
    {
        **dict.fromkeys(("message", "reason"), text),
        "code": count,
        "details": fields({"kind": text, "name": text, "retryAfterSeconds": count, "causes": each(_CAUSE)}),
    }
)
"""Why the server refuses."""

TYPED = fields({"type": text}, "type")
"""An event of a watch, of whatever type."""
_KINDS = ("ADDED", "MODIFIED", "DELETED")


def listed(item: Shape) -> Shape:
    """Return the shape of a page of a collection of ``item``."""
    metadata = {"resourceVersion": version, "continue": text, "remainingItemCount": count}
    return fields({"metadata": fields(metadata, "resourceVersion"), "items": each(item)}, "metadata")


def events(item: Shape) -> dict[str, Shape]:
    """Return the shape of an event of a watch on ``item``, by the event's type."""
    found = {kind: fields({"object": item}, "object") for kind in _KINDS}
    return {
        **found,
        "BOOKMARK": fields({"object": BOOKMARK}, "object"),
        "ERROR": fields({"object": STATUS}, "object"),
    }
