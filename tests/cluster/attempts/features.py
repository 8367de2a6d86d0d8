"""Attempts at NodeFeatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gfd.kube.client import APPLY
from gfd.kube.nfd import API_VERSION, NAME_PREFIX, NODE_LABEL
from tests.cluster.attempts import (
    FOREIGN,
    FOREIGN_KEYS,
    JSON_PATCH,
    OWN,
    PATCHES,
    Attempt,
    Body,
    merge,
    operations,
)

FEATURES = f"/apis/{API_VERSION}/namespaces/gfd/nodefeatures"


def owner(**changes: Any) -> Body:
    """Return the agent's DaemonSet as an owner, but for changes."""
    uid = "11111111-1111-1111-1111-111111111111"
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "gfd", "uid": uid} | changes


def feature(target: str, version: str = "", **changes: Any) -> Body:
    """Return the NodeFeature that an agent publishes for a node, but for changes."""
    metadata = {"name": f"{NAME_PREFIX}{target}", "labels": {NODE_LABEL: target}}
    metadata |= {"resourceVersion": version} if version else {}
    features: Body = {"attributes": {}, "flags": {}, "instances": {}}
    spec = {"features": features, "labels": {"nvidia.com/gpu.count": "3"}}
    whole = {"apiVersion": API_VERSION, "kind": "NodeFeature", "metadata": metadata, "spec": spec}
    return merge(whole, changes)


def feature_attempts(versions: Mapping[str, str]) -> Iterator[Attempt]:
    """Yield attempts at NodeFeatures that exist in these versions, by node."""
    for target, version in versions.items():
        path = f"{FEATURES}/{NAME_PREFIX}{target}"
        for what, change in _feature_changes(target).items():
            yield Attempt(what=what, method="POST", path=FEATURES, body=feature(target, **change))
            yield Attempt(what=what, method="PUT", path=path, body=feature(target, version, **change))
        for content_type in PATCHES:
            body: Any = feature(target) if content_type == APPLY else {"spec": {"labels": {}}}
            body = list(operations(body)) if content_type == JSON_PATCH else body
            yield Attempt(what="patch", method="PATCH", path=path, body=body, content_type=content_type)
    for what, body in _creations().items():
        yield Attempt(what=what, method="POST", path=FEATURES, body=body)
    yield Attempt(what="delete", method="DELETE", path=f"{FEATURES}/{NAME_PREFIX}{FOREIGN}")
    yield Attempt(what="delete all", method="DELETE", path=FEATURES)
    elsewhere = FEATURES.replace("/gfd/", "/kube-system/")
    yield Attempt(what="another namespace", method="POST", path=elsewhere, body=feature(OWN))


def _feature_changes(target: str) -> dict[str, Body]:
    owners = {
        "of another name": [owner(name="nvidia-device-plugin")],
        "of a longer name": [owner(name="gfd-2")],
        "of a shorter name": [owner(name="gf")],
        "that controls": [owner(controller=True)],
        "that blocks": [owner(blockOwnerDeletion=True)],
        "Pod": [owner(apiVersion="v1", kind="Pod")],
        "Node": [owner(apiVersion="v1", kind="Node", name=target)],
        "Deployment": [owner(kind="Deployment")],
        "of another API": [owner(apiVersion="apps.kruise.io/v1beta1")],
        "of another version": [owner(apiVersion="apps/v1beta2")],
        "and another": [owner(), owner(name="other", uid="2")],
    }
    flags: Body = {"elements": {"a": {}}}
    changes: dict[str, Body] = {
        **{f"owner {what}": {"metadata": {"ownerReferences": value}} for what, value in owners.items()},
        "another node's label": {"metadata": {"labels": {NODE_LABEL: "third"}}},
        "no node's label": {"metadata": {"labels": {NODE_LABEL: None}}},
        "one more label": {"metadata": {"labels": {"app": "x"}}},
        "annotations": {"metadata": {"annotations": {"a": "b"}}},
        "finalizers": {"metadata": {"finalizers": ["example.com/x"]}},
        "flags": {"spec": {"features": {"flags": {"cpu.cpuid": flags}}}},
        "attributes": {"spec": {"features": {"attributes": {"cpu.model": flags}}}},
        "instances": {"spec": {"features": {"instances": {"pci.device": {"elements": [{}]}}}}},
        "other features": {"spec": {"features": {"more": {"a": "b"}}}},
    }
    if target == FOREIGN:
        return changes | {"own keys": {}}
    return changes | {f"label {key}": {"spec": {"labels": {key: "x"}}} for key in FOREIGN_KEYS}


def _creations() -> dict[str, Body]:
    generated = feature(OWN, metadata={"name": None, "generateName": NAME_PREFIX})
    return {
        "another name": feature(OWN, metadata={"name": "x"}),
        "a longer name": feature(OWN, metadata={"name": f"{NAME_PREFIX}{OWN}-2"}),
        "the node's name": feature(OWN, metadata={"name": OWN}),
        "a generated name": generated,
        "a node that does not exist": feature("third"),
    }
