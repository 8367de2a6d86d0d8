"""Schemas of the API server's responses: only the fields that gfd reads."""

from __future__ import annotations

from gfd.kube.schema import (
    Schema,
    any_value,
    array_of,
    boolean,
    map_of,
    non_negative,
    object_of,
    resource_version,
    string,
)

_OWNER = object_of(
    {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), string),
        **dict.fromkeys(("controller", "blockOwnerDeletion"), boolean),
    },
    *("apiVersion", "kind", "name", "uid"),
)
_FIELDS = object_of({f"f:{kind}": map_of(any_value) for kind in ("labels", "annotations", "ownerReferences")})
_MANAGED_FIELDS = object_of(
    {
        **dict.fromkeys(("manager", "operation", "subresource", "time"), string),
        "fieldsV1": object_of(
            {
                "f:metadata": _FIELDS,
                "f:spec": _FIELDS,
                "f:status": object_of({"f:conditions": map_of(any_value)}),
            }
        ),
    }
)
_METADATA = {
    **dict.fromkeys(("name", "namespace", "uid"), string),
    "resourceVersion": resource_version,
    "generation": non_negative,
    "labels": map_of(string),
    "annotations": map_of(string),
    "managedFields": array_of(_MANAGED_FIELDS),
    "ownerReferences": array_of(_OWNER),
}

METADATA = object_of(_METADATA, "name", "uid", "resourceVersion")
"""The metadata of an object that the server stores."""

OPTIONAL_METADATA = object_of(_METADATA)
"""Metadata without required fields, as in objects that kubectl printed."""
RESPONSE = object_of({"metadata": OPTIONAL_METADATA})
"""Any response."""
OBJECT = object_of({"metadata": METADATA}, "metadata")
"""An object whose metadata alone is read."""
ITEM = object_of(
    {
        "metadata": object_of(
            {"name": string, "uid": string, "resourceVersion": resource_version}, "name", "uid"
        )
    },
    "metadata",
)
"""An item of a large list; the reader checks the other fields."""
BOOKMARK = object_of(
    {"metadata": object_of({"resourceVersion": resource_version}, "resourceVersion")}, "metadata"
)
"""The object of a watch's BOOKMARK event."""

NODE_FEATURE = object_of(
    {"metadata": METADATA, "spec": object_of({"labels": map_of(string), "features": map_of(any_value)})},
    *("metadata", "spec"),
)
_CONTAINER = object_of(
    {"name": string, "image": string, "command": array_of(string), "args": array_of(string)}, "name", "image"
)
POD = object_of(
    {
        "metadata": METADATA,
        "spec": object_of({"containers": array_of(_CONTAINER)}, "containers"),
        "status": object_of(
            {"containerStatuses": array_of(object_of({"name": string, "ready": boolean}, "name"))}
        ),
    },
    *("metadata", "spec"),
)
NODE_CONDITIONS = object_of(
    {
        "metadata": METADATA,
        "status": object_of(
            {
                "conditions": array_of(
                    object_of(
                        dict.fromkeys(
                            (
                                *("type", "status", "reason", "message"),
                                *("lastHeartbeatTime", "lastTransitionTime"),
                            ),
                            string,
                        ),
                        *("type", "status"),
                    )
                )
            }
        ),
    },
    "metadata",
)
"""A Node of which the conditions are read."""
NODE_RESOURCES = object_of(
    {"metadata": METADATA, "status": object_of({"allocatable": map_of(string)})}, "metadata"
)
"""A Node of which the resources that pods can request are read."""
POLICY = object_of(
    {
        "metadata": METADATA,
        "spec": object_of({"matchConditions": array_of(object_of({"expression": string}, "expression"))}),
    },
    *("metadata", "spec"),
)
POLICY_BINDING = object_of(
    {
        "metadata": METADATA,
        "spec": object_of({"policyName": string, "validationActions": array_of(string)}, "policyName"),
    },
    *("metadata", "spec"),
)

VERSION = object_of({"gitVersion": string}, "gitVersion")
RESOURCES = object_of({"resources": array_of(object_of({"name": string}, "name"))})
IDENTITY = object_of(
    {
        "status": object_of(
            {"userInfo": object_of({"username": string, "extra": map_of(array_of(string))}, "username")},
            "userInfo",
        )
    },
    "status",
)
ACCESS = object_of({"status": object_of({"allowed": boolean})}, "status")

_CAUSE = object_of(dict.fromkeys(("field", "message", "reason"), string))
STATUS = object_of(
    {
        **dict.fromkeys(("message", "reason"), string),
        "code": non_negative,
        "details": object_of(
            {"kind": string, "name": string, "retryAfterSeconds": non_negative, "causes": array_of(_CAUSE)}
        ),
    }
)
"""A Status: why the server refuses a request."""

EVENT = object_of({"type": string}, "type")
"""A watch event of any type."""
_CHANGES = ("ADDED", "MODIFIED", "DELETED")


def list_of(item: Schema) -> Schema:
    """Return the schema of a List, or one page of it, whose items match ``item``."""
    metadata = {"resourceVersion": resource_version, "continue": string, "remainingItemCount": non_negative}
    return object_of(
        {"metadata": object_of(metadata, "resourceVersion"), "items": array_of(item)}, "metadata"
    )


def events_of(item: Schema) -> dict[str, Schema]:
    """Return the schema of each type of watch event; the objects match ``item``."""
    return {
        **dict.fromkeys(_CHANGES, object_of({"object": item}, "object")),
        "BOOKMARK": object_of({"object": BOOKMARK}, "object"),
        "ERROR": object_of({"object": STATUS}, "object"),
    }


DAEMON_SET = object_of(
    {
        "metadata": METADATA,
        "spec": object_of(
            {"selector": object_of({"matchLabels": map_of(string)}, "matchLabels")}, "selector"
        ),
        "status": object_of(
            dict.fromkeys(
                (
                    "observedGeneration",
                    "desiredNumberScheduled",
                    "numberReady",
                    "updatedNumberScheduled",
                ),
                non_negative,
            )
        ),
    },
    *("metadata", "spec"),
)
"""A DaemonSet, and how many of its pods run."""
_WAITING = object_of({"waiting": object_of({"reason": string})})
AGENT_POD = object_of(
    {
        "metadata": METADATA,
        "spec": object_of({"nodeName": string}),
        "status": object_of(
            {
                "phase": string,
                "conditions": array_of(
                    object_of({"type": string, "status": string, "reason": string}, "type", "status")
                ),
                "containerStatuses": array_of(object_of({"ready": boolean, "state": _WAITING})),
            }
        ),
    },
    *("metadata", "spec"),
)
"""A pod of an agent, and why it is not ready."""
