"""What somebody else changed, by the metadata that the API server keeps."""

from __future__ import annotations

from typing import Any

import pytest

from gfd.agent.conflicts import explain_conflict
from gfd.publishing.drift import Drift
from gfd.publishing.sinks.metadata_drift import detect_node_drift, detect_node_feature_drift

COUNT, MODE, STAMP = "nvidia.com/gpu.count", "nvidia.com/gpu.mode", "nvidia.com/gfd.timestamp"
WANTED = {"labels": {COUNT: "1", MODE: "compute", STAMP: "1"}, "annotations": {}}


def entry(manager: str, fields: dict[str, Any], *, operation: str = "Update", time: str = "t1") -> Any:
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": fields}


def labelled(*keys: str) -> dict[str, Any]:
    return {"f:metadata": {"f:labels": {f"f:{key}": {} for key in keys}}}


def ours(*keys: str, time: str = "t1") -> Any:
    return entry("gfd", labelled(*keys), operation="Apply", time=time)


def node(labels: dict[str, str], *entries: Any) -> dict[str, Any]:
    return {
        "labels": {"zone": "a", **labels},
        "managedFields": [*entries, entry("kubelet", labelled("zone"))],
    }


BEFORE = node(WANTED["labels"], ours(*WANTED["labels"]))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(
            node(WANTED["labels"] | {COUNT: "9"}, ours(MODE, STAMP), entry("kubectl-label", labelled(COUNT))),
            Drift(sink="node", keys=(COUNT,), writer="kubectl-label"),
            id="changed by a person",
        ),
        pytest.param(
            node({MODE: "compute", STAMP: "1"}, ours(MODE, STAMP)),
            Drift(sink="node", keys=(COUNT,)),
            id="removed by a person",
        ),
        pytest.param(
            node(WANTED["labels"] | {COUNT: "7", STAMP: "2"}, ours(COUNT, MODE, STAMP, time="t2")),
            Drift(sink="node", keys=(COUNT,), writer="field manager gfd", is_rival=True),
            id="changed by another gfd",
        ),
        pytest.param(
            node({COUNT: "1", STAMP: "1"}, ours(COUNT, STAMP, time="t2")),
            Drift(sink="node", keys=(MODE,), writer="field manager gfd", is_rival=True),
            id="removed by another gfd",
        ),
        pytest.param(
            node(WANTED["labels"] | {"nvidia.com/x": "1"}, ours(COUNT, MODE, STAMP, "nvidia.com/x")),
            Drift(sink="node", keys=("nvidia.com/x",), writer="field manager gfd", is_rival=True),
            id="added by another gfd",
        ),
        pytest.param(None, Drift(sink="node", what="deleted"), id="deleted"),
    ],
)
def test_a_node(now: dict[str, Any] | None, expected: Drift) -> None:
    assert detect_node_drift(BEFORE, now, WANTED) == expected


def test_unknown_node() -> None:
    now = node({MODE: "compute", STAMP: "1"}, ours(MODE, STAMP, time="t2"))
    assert detect_node_drift(None, now, WANTED) == Drift(sink="node", keys=(COUNT,))


OURS = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "gfd", "uid": "1"}
THEIRS = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "nvdp", "uid": "2", "controller": True}


def spec(*keys: str) -> dict[str, Any]:
    return {"f:labels": {".": {}, **{f"f:{key}": {} for key in keys}}}


def owned(uid: str) -> dict[str, Any]:
    return {"f:ownerReferences": {".": {}, f'k:{{"uid":"{uid}"}}': {}}}


def feature(owner: dict[str, Any] | None, *entries: Any) -> dict[str, Any]:
    return {"managedFields": list(entries), **({"ownerReferences": [owner]} if owner else {})}


FEATURE = feature(OURS, entry("gfd", {"f:metadata": owned("1"), "f:spec": spec(COUNT, MODE)}))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(
            feature(
                THEIRS,
                entry("gfd", {"f:spec": spec(COUNT)}),
                entry("gpu-feature-discovery", {"f:metadata": owned("2"), "f:spec": spec(MODE)}),
            ),
            Drift(
                sink="nodefeature",
                what="owner",
                keys=(MODE,),
                writer="gpu-feature-discovery, DaemonSet nvdp",
                is_urgent=True,
            ),
            id="taken by the original",
        ),
        pytest.param(
            feature(THEIRS, entry("gfd", {"f:metadata": owned("2"), "f:spec": spec(COUNT, MODE)}, time="t2")),
            Drift(
                sink="nodefeature", what="owner", writer="field manager gfd, DaemonSet nvdp", is_rival=True
            ),
            id="taken by another gfd",
        ),
        pytest.param(
            feature(None, entry("gfd", {"f:spec": spec(COUNT, MODE)})),
            Drift(sink="nodefeature", what="owner"),
            id="orphaned",
        ),
        pytest.param(
            feature(
                OURS,
                entry("gfd", {"f:metadata": owned("1"), "f:spec": spec(MODE)}),
                entry("kubectl-edit", {"f:spec": spec(COUNT)}),
            ),
            Drift(sink="nodefeature", keys=(COUNT,), writer="kubectl-edit"),
            id="edited by a person",
        ),
        pytest.param(None, Drift(sink="nodefeature", what="deleted"), id="deleted"),
    ],
)
def test_a_node_feature(now: dict[str, Any] | None, expected: Drift) -> None:
    assert detect_node_feature_drift(FEATURE, now) == expected


def test_explanation_of_another_gfd() -> None:
    by = Drift(sink="node", keys=(COUNT, MODE), writer="field manager gfd", is_rival=True)
    step = (
        "only one may run on a node: kubectl get daemonsets,jobs -A -l app.kubernetes.io/name=gfd lists them"
    )
    assert explain_conflict(by) == (
        f"another gfd (field manager gfd) keeps changing the labels {COUNT}, {MODE}; {step}"
    )
    owner = Drift(sink="nodefeature", what="owner", writer="DaemonSet b", is_rival=True)
    assert explain_conflict(owner) == f"another gfd (DaemonSet b) keeps changing the owner; {step}"
