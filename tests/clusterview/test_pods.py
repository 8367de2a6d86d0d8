from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gfd.clusterview.nodes import Node
from gfd.clusterview.pods import PodRequest, add_requests, read_pod_request, sum_requests
from gfd.clusterview.resources import read_thousandths
from tests.tools.make import Object, pod

GPU = "nvidia.com/gpu"


def container(count: int, **more: str) -> Object:
    return {"name": "c", "resources": {"limits": {GPU: str(count)}}, **more}


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({}, 0),
        ({"containers": [{}, container(1), container(2)]}, 3),
        ({"containers": [container(1)], "initContainers": [container(4), container(2)]}, 4),
        ({"containers": [container(3)], "initContainers": [container(2)]}, 3),
        (
            {
                "containers": [container(1)],
                "initContainers": [container(2, restartPolicy="Always"), container(1)],
            },
            3,
        ),
        (
            {
                "containers": [container(1)],
                "initContainers": [container(4), container(2, restartPolicy="Always")],
            },
            4,
        ),
        (
            {
                "containers": [container(1)],
                "initContainers": [container(4), container(2, restartPolicy="Always"), container(3)],
            },
            5,
        ),
        ({"containers": [container(1)], "overhead": {GPU: "1"}}, 2),
        ({"containers": [{"resources": {"limits": {GPU: "4"}, "requests": {GPU: "4"}}}]}, 4),
        ({"containers": [{"resources": {"requests": {GPU: 4, "cpu": "1"}}}]}, 4),
    ],
)
def test_what_a_pod_requests(spec: Object, count: int) -> None:
    assert sum_requests(spec) == ({GPU: count} if count else {})


P = PodRequest(node="a", namespace="default", name="p", counts={GPU: 1})


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"requests": {"cpu": "5"}}, {"cpu": 5000, "memory": 2000, "hugepages-2Mi": 4000}),
        ({"limits": {"cpu": "5", "memory": "9"}}, {"cpu": 1000, "memory": 2000, "hugepages-2Mi": 4000}),
        ({"limits": {"hugepages-2Mi": "8"}}, {"cpu": 1000, "memory": 2000, "hugepages-2Mi": 8000}),
        (
            {"limits": {"hugepages-1Gi": "8"}, "requests": {"hugepages-1Gi": "8", "memory": "2"}},
            {"cpu": 1000, "memory": 2000, "hugepages-2Mi": 4000, "hugepages-1Gi": 8000},
        ),
        ({"limits": {GPU: "1"}}, {"cpu": 1000, "memory": 2000, "hugepages-2Mi": 4000}),
    ],
)
def test_what_a_pod_requests_as_a_whole(resources: Object, expected: dict[str, int]) -> None:
    amounts = {"cpu": "1", "memory": "2", "hugepages-2Mi": "4"}
    spec = {"containers": [{"resources": {"limits": amounts}}], "resources": resources}
    assert sum_requests(spec, read_thousandths) == expected
    overhead = {"overhead": {"cpu": "1m"}}
    assert sum_requests(spec | overhead, read_thousandths) == expected | {"cpu": expected["cpu"] + 1}


@pytest.mark.parametrize(
    ("item", "request_"),
    [
        (pod("p", "a", {"gpu": 1}), P),
        (pod("p", "a", {"gpu": 1}, "Pending"), P),
        (pod("p", "a", {}), PodRequest()),
        (pod("p", "", {"gpu": 1}, "Pending"), PodRequest()),
        (pod("p", "a", {"gpu": 1}, "Succeeded"), PodRequest()),
        (pod("p", "a", {"gpu": 1}, "Failed"), PodRequest()),
    ],
)
def test_which_pods_count(item: Any, request_: PodRequest) -> None:
    assert read_pod_request(item) == request_


def test_the_requests_of_a_node_add_up() -> None:
    requests = [PodRequest(node="a", counts={GPU: 1}), PodRequest(node="a", counts={GPU: 2}), PodRequest()]
    (found,) = add_requests([Node(name="a", allocatable={GPU: 4})], requests)
    assert (found.requested, found.free(GPU), found.is_counted) == ({GPU: 3}, 1, True)


def test_the_pods_that_hold_devices_are_sorted_by_name() -> None:
    requests = [
        PodRequest(node="a", namespace=namespace, name=name, counts={GPU: 1})
        for namespace, name in (("b", "1"), ("a", "2"), ("a", "1"))
    ]
    (found,) = add_requests([Node(name="a")], [*requests, PodRequest(node="a", name="none")])
    assert found.holders == tuple(reversed(requests))
    (unknown,) = add_requests([Node(name="a")], None)
    assert (unknown.holders, unknown.is_counted) == ((), False)


@pytest.mark.parametrize(
    ("started", "created", "since"),
    [
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", datetime(2026, 1, 2, tzinfo=UTC)),
        (None, "2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        (None, None, None),
        ("yesterday", None, None),
    ],
)
def test_since_when_a_pod_holds_a_device(
    started: str | None, created: str | None, since: datetime | None
) -> None:
    item = pod("p", "a", {"gpu": 1})
    item["status"]["startTime"] = started
    item["metadata"]["creationTimestamp"] = created
    assert read_pod_request(item).since == since
