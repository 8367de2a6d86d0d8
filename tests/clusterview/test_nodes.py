from __future__ import annotations

import pytest

from gfd.clusterview.nodes import Node, Taint, read_node

GPU = "nvidia.com/gpu"


def test_a_node() -> None:
    taints = [{"key": "a", "value": "b", "effect": "NoSchedule"}, {"key": "c", "effect": "NoExecute"}]
    item = {
        "metadata": {"name": "n1", "labels": {"x": "y"}},
        "spec": {"taints": taints},
        "status": {"allocatable": {GPU: "8", "nvidia.com/mig-1g.5gb": 7, "cpu": "500m"}},
    }
    found = read_node(item)
    assert found == Node(
        name="n1",
        labels={"x": "y"},
        taints=(Taint(key="a", value="b", effect="NoSchedule"), Taint(key="c", effect="NoExecute")),
        allocatable={GPU: 8, "nvidia.com/mig-1g.5gb": 7},
    )
    assert list(map(str, found.taints)) == ["a=b:NoSchedule", "c:NoExecute"]


def test_a_node_that_has_only_a_name() -> None:
    assert read_node({"metadata": {"name": "n1"}, "spec": None, "status": None}) == Node(name="n1")


def test_a_cordoned_node_is_tainted_at_once() -> None:
    def taints(**spec: object) -> tuple[Taint, ...]:
        return read_node({"metadata": {"name": "n1"}, "spec": spec}).taints

    cordon = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
    assert taints(unschedulable=True) == (cordon,)
    assert taints(unschedulable=True, taints=[{"key": cordon.key, "effect": "NoSchedule"}]) == (cordon,)
    assert taints(unschedulable=False) == ()


def test_a_malformed_node() -> None:
    with pytest.raises(ValueError, match=r"^has a field metadata\.labels that is not a mapping$"):
        read_node({"metadata": {"name": "n1", "labels": []}})
