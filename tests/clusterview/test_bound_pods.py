"""The pods of nodes with every resource, as gfd match reads them."""

from __future__ import annotations

from typing import Any

import pytest

from gfd.clusterview.bound_pods import BoundPod, add_pods, read_bound_pod
from gfd.clusterview.host_ports import HostPort
from gfd.clusterview.nodes import Node, read_whole_node

POD: dict[str, Any] = {
    "metadata": {"namespace": "team", "name": "p", "labels": {"app": "x"}},
    "spec": {
        "nodeName": "n",
        "priority": 5,
        "priorityClassName": "low",
        "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "100m", "memory": "1Gi", "amd.com/gpu": "1"}}},
            {"name": "b", "resources": {"limits": {"cpu": "0.5", "ephemeral-storage": "1500m"}}},
            {"name": "c", "ports": [{"hostPort": 80, "containerPort": 80}]},
        ],
    },
}


def test_every_resource_is_read() -> None:
    assert read_bound_pod(POD) == BoundPod(
        node="n",
        namespace="team",
        name="p",
        labels={"app": "x"},
        requests={"cpu": 600, "memory": 1 << 30, "amd.com/gpu": 1, "ephemeral-storage": 2, "pods": 1},
        priority=5,
        priority_class="low",
        host_ports=(HostPort(number=80),),
    )


def test_pods_that_hold_nothing() -> None:
    assert read_bound_pod({**POD, "status": {"phase": "Failed"}}) is None
    assert read_bound_pod({"metadata": {"name": "p"}, "spec": {"containers": []}}) is None


def test_a_pod_that_is_being_deleted() -> None:
    metadata = {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    found = read_bound_pod({**POD, "metadata": metadata})
    assert found is not None
    assert (found.namespace, found.is_terminating) == ("default", True)


def test_malformed_amounts() -> None:
    spec = {"nodeName": "n", "containers": [{"resources": {"limits": {"cpu": "one"}}}]}
    with pytest.raises(ValueError, match=r"has an amount of cpu that is not a quantity: 'one'"):
        read_bound_pod({"metadata": {"name": "p"}, "spec": spec})


def test_nodes_with_pods() -> None:
    pod = BoundPod(node="b", namespace="n", name="p", requests={"cpu": 100})
    first, second = add_pods([Node(name="b"), Node(name="a")], [pod, None, pod])
    assert (first.name, first.pods, first.requested, first.is_counted) == ("a", (), {}, True)
    assert (second.pods, second.requested) == ((pod, pod), {"cpu": 200})
    (unknown,) = add_pods([Node(name="a")], None)
    assert not unknown.is_counted


def test_a_node_with_every_resource() -> None:
    node = read_whole_node(
        {
            "metadata": {"name": "n"},
            "status": {
                "allocatable": {
                    "cpu": "7910m",
                    "memory": "1Ki",
                    "pods": "110",
                    "hugepages-2Mi": "0",
                    "x/y": "2",
                }
            },
        }
    )
    assert node.allocatable == {"cpu": 7910, "memory": 1024, "pods": 110, "hugepages-2Mi": 0, "x/y": 2}


def hold(container: dict[str, Any], status: dict[str, Any], **spec: Any) -> Any:
    """Return the requests of a pod with one container of this status."""
    found = read_bound_pod(
        {
            "metadata": {"name": "p"},
            "spec": {"nodeName": "n", "containers": [{"name": "c", **container}], **spec},
            "status": status,
        }
    )
    assert found is not None
    assert found.requests["pods"] == 1
    return {name: count for name, count in found.requests.items() if name != "pods"}


def test_a_pod_that_is_being_resized_holds_the_larger_amount() -> None:
    small, large = {"cpu": "1"}, {"cpu": "2"}
    statuses = [{"name": "c", "resources": {"requests": large}, "allocatedResources": small}]
    shrinking = {"containerStatuses": statuses}
    assert hold({"resources": {"requests": small}}, shrinking) == {"cpu": 2000}
    assert hold({"resources": {"requests": {"cpu": "3"}}}, shrinking) == {"cpu": 3000}
    infeasible = {"conditions": [{"type": "PodResizePending", "reason": "Infeasible"}]}
    assert hold({"resources": {"requests": {"cpu": "3"}}}, shrinking | infeasible) == {"cpu": 2000}
    same = {"name": "c", "resources": {"requests": small}, "allocatedResources": small}
    unchanged = {"containerStatuses": [same]}
    assert hold({"resources": {"requests": small}}, unchanged, overhead={"cpu": "1m"}) == {"cpu": 1001}
    assert hold({"resources": {"requests": small}}, shrinking, overhead={"cpu": "1m"}) == {"cpu": 2001}


def test_a_pod_that_is_resized_as_a_whole() -> None:
    container = {"resources": {"requests": {"cpu": "1"}}}
    status = {"resources": {"requests": {"cpu": "5"}}, "allocatedResources": {"cpu": "4"}}
    assert hold(container, status, resources={"requests": {"cpu": "3"}}) == {"cpu": 5000}
    assert hold(container, {}, resources={"requests": {"cpu": "3"}}) == {"cpu": 3000}
