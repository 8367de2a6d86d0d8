"""Attempts at the agent's own Node and at another one."""

from __future__ import annotations

from collections.abc import Iterator

from gfd.kube.client import APPLY
from tests.cluster.attempts import FOREIGN, FOREIGN_KEYS, PATCHES, Attempt, Body, merge, patch
from tests.cluster.attempts.features import owner
from tests.cluster.objects import NODES

TAINT = {"key": "a", "value": "b", "effect": "NoExecute"}
SCALER = "scaler"
"""A manager that applied a label, an annotation, a finalizer and a taint to each Node."""


def node_attempts(node: Body, target: str) -> Iterator[Attempt]:
    """Yield attempts at a Node, which is as ``node`` says."""
    path = f"{NODES}/{target}"
    for what, change in _node_changes(node, target).items():
        for content_type in PATCHES:
            if body := patch(node, change, content_type):
                yield Attempt(what=what, method="PATCH", path=path, body=body, content_type=content_type)
        yield Attempt(what=what, method="PUT", path=path, body=merge(node, change))
    for manager, what, change in (
        (SCALER, "drop what another manager applied", {}),
        (SCALER, "drop all but its label", {"metadata": {"labels": {"pool": "x"}}}),
        ("kubelet", "be another manager", {"metadata": {"labels": {"nvidia.com/gpu.count": "2"}}}),
        (
            "gfd",
            "claim a label of others",
            {"metadata": {"labels": {"zone": node["metadata"]["labels"]["zone"]}}},
        ),
        ("gfd", "claim the taints", {"spec": {"taints": node["spec"]["taints"]}}),
    ):
        body = patch(node, change, APPLY)
        yield Attempt(what=what, method="PATCH", path=path, body=body, content_type=APPLY, manager=manager)
    yield Attempt(what="delete", method="DELETE", path=path)


def _node_changes(node: Body, target: str) -> dict[str, Body]:
    own = {"nvidia.com/gpu.count": "2"}
    changes: dict[str, Body] = {
        "change a label": {"metadata": {"labels": {"zone": "b"}}},
        "remove a label": {"metadata": {"labels": {"zone": None}}},
        "remove a label of the operator": {"metadata": {"labels": {"nvidia.com/mig.config": None}}},
        "remove all labels": {"metadata": {"labels": None}},
        "remove all annotations": {"metadata": {"annotations": None}},
        "change an annotation": {"metadata": {"annotations": {"a": "c"}}},
        "write an own key as annotation": {"metadata": {"annotations": own}},
        "hide a foreign key among own ones": {"metadata": {"labels": own | {"rack": "1"}}},
        "finalizers": {"metadata": {"finalizers": ["example.com/x"]}},
        "owner": {"metadata": {"ownerReferences": [owner(apiVersion="v1", kind="Node")]}},
        "generateName": {"metadata": {"generateName": "x"}},
        "no taints": {"spec": {"taints": []}},
        "another taint": {"spec": {"taints": [TAINT]}},
        "one more taint": {"spec": {"taints": [*node["spec"]["taints"], TAINT]}},
        "cordon": {"spec": {"unschedulable": True}},
        "provider": {"spec": {"providerID": "x"}},
        "labels and spec": {"metadata": {"labels": own}, "spec": {"unschedulable": True}},
    }
    changes |= {
        f"managedFields: {what}": {"metadata": {"managedFields": entries}}
        for what, entries in _rewritten(node["metadata"]["managedFields"]).items()
    }
    if target == FOREIGN:
        return changes | {"own keys": {"metadata": {"labels": own}}}
    return (
        changes
        | {f"label {key}": {"metadata": {"labels": {key: "x"}}} for key in FOREIGN_KEYS}
        | {f"annotate {key}": {"metadata": {"annotations": {key: "x"}}} for key in FOREIGN_KEYS[::5]}
    )


def _rewritten(entries: list[Body]) -> dict[str, list[Body]]:
    """Return what an attacker would make of managedFields."""
    (scaler,) = [each for each in entries if each["manager"] == SCALER]
    others = [each for each in entries if each != scaler]
    claim: Body = {"f:spec": {"f:taints": {}}, "f:metadata": {"f:labels": {"f:zone": {}, "f:rack": {}}}}
    common = {"apiVersion": "v1", "fieldsType": "FieldsV1", "time": "2026-01-01T00:00:00Z"}
    fields = scaler["fieldsV1"]
    held = fields["f:metadata"]
    less = {"f:metadata": {name: value for name, value in held.items() if name != "f:finalizers"}}
    label = {"f:metadata": held | {"f:labels": {"f:pool": {}, "f:zone": {}}}}
    own_label = {"f:metadata": held | {"f:labels": {"f:pool": {}, "f:nvidia.com/gpu.count": {}}}}
    annotation = {"f:metadata": held | {"f:annotations": {"f:pool": {}, "f:a": {}}}}
    no_label = {"f:metadata": held | {"f:labels": {}}}
    no_annotation = {"f:metadata": held | {"f:annotations": {}}}
    owners = {"f:metadata": held | {"f:ownerReferences": {}}}
    updates = [each | {"operation": "Apply"} if each["operation"] == "Update" else each for each in others]
    return {
        "reset": [{}],
        "empty": [],
        "another forgotten": others,
        "another only": [scaler],
        "its taint forgotten": [*others, scaler | {"fieldsV1": fields | {"f:spec": {}}}],
        "its label forgotten": [*others, scaler | {"fieldsV1": fields | no_label}],
        "its annotation forgotten": [*others, scaler | {"fieldsV1": fields | no_annotation}],
        "its finalizer forgotten": [*others, scaler | {"fieldsV1": fields | less}],
        "its spec forgotten": [*others, scaler | {"fieldsV1": {"f:metadata": held}}],
        "all its fields forgotten": [*others, scaler | {"fieldsV1": {}}],
        "a field added": [*others, scaler | {"fieldsV1": fields | {"f:status": {}}}],
        "a label added": [*others, scaler | {"fieldsV1": fields | label}],
        "an own label added": [*others, scaler | {"fieldsV1": fields | own_label}],
        "an annotation added": [*others, scaler | {"fieldsV1": fields | annotation}],
        "owners added": [*others, scaler | {"fieldsV1": fields | owners}],
        "the same twice": [*entries, scaler | {"fieldsV1": fields | {"f:status": {}}}],
        "another operation": [*others, scaler | {"operation": "Update"}],
        "another's name": [*others, scaler | {"manager": "somebody"}],
        "of the status": [*others, scaler | {"subresource": "status"}],
        "updates become applies": [*updates, scaler],
        "a new manager": [*entries, {"manager": "new", "operation": "Apply", "fieldsV1": claim, **common}],
        "before-first-apply": [
            *entries,
            {"manager": "before-first-apply", "operation": "Update", "fieldsV1": claim, **common},
        ],
        "foreign fields as gfd's": [
            *(each for each in entries if (each["manager"], each["operation"]) != ("gfd", "Apply")),
            {"manager": "gfd", "operation": "Apply", "fieldsV1": claim, **common},
        ],
        "a foreign label as gfd's": [
            *(each for each in entries if (each["manager"], each["operation"]) != ("gfd", "Apply")),
            {
                "manager": "gfd",
                "operation": "Apply",
                "fieldsV1": {"f:metadata": {"f:labels": {"f:zone": {}}}},
                **common,
            },
        ],
    }
