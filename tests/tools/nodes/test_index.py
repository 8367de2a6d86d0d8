from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.nodes import Node, read_node
from gfd.clusterview.pods import PodRequest, add_requests
from gfd.tools.nodes.index import NodeIndex
from gfd.tools.nodes.node_table import build_table
from tests.tools.make import gpu_labels, node

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GPU = "nvidia.com/gpu"


def gpu_node(name: str, count: int = 8, **more: Any) -> Node:
    return read_node(node(name, gpu_labels(count=count), {"gpu": count}, **more))


def events(index: NodeIndex) -> list[tuple[str, str, dict[str, int] | None]]:
    return [(each.kind, each.row.node, dict(each.row.free or {})) for each in index.take_events()]


def test_rows_are_added_modified_and_deleted() -> None:
    index = NodeIndex()
    index.replace_nodes({"a": gpu_node("a"), "b": read_node(node("b"))})
    index.replace_pods(
        {
            "1": PodRequest(node="a", counts={GPU: 3}),
            "2": PodRequest(node="b", counts={}),
            "3": PodRequest(node="", counts={}),
        }
    )
    assert events(index) == [("ADDED", "a", {GPU: 5})]
    assert events(index) == []
    index.change_pod("4", PodRequest(node="a", counts={GPU: 1}))
    index.change_pod("1", PodRequest(node="a", counts={GPU: 3}))
    assert events(index) == [("MODIFIED", "a", {GPU: 4})]
    index.change_pod("1", None)
    index.change_pod("9", None)
    assert events(index) == [("MODIFIED", "a", {GPU: 7})]
    index.change_node("b", gpu_node("b", 2))
    index.change_node("a", None)
    assert events(index) == [("DELETED", "a", {GPU: 7}), ("ADDED", "b", {GPU: 2})]
    index.change_node("a", None)
    index.replace_nodes({"a": gpu_node("a")})
    assert events(index) == [("ADDED", "a", {GPU: 7}), ("DELETED", "b", {GPU: 2})]
    index.replace_pods({})
    assert events(index) == [("MODIFIED", "a", {GPU: 8})]
    assert [row.node for row in index.build_table((), NOW).rows] == ["a"]


def test_a_change_outside_the_rows_is_not_an_event() -> None:
    index = NodeIndex()
    index.replace_nodes({"a": gpu_node("a", writer="gfd"), "b": read_node(node("b"))})
    assert len(index.take_events()) == 1
    later = gpu_node("a", writer="gfd")
    assert later.label_writers[0].at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    object.__setattr__(later.label_writers[0], "at", datetime(2026, 2, 2, tzinfo=UTC))
    index.change_node("a", later)
    index.change_node("b", read_node(node("b", {"x": "y"})))
    assert index.take_events() == []
    # The age is the latest all the same.
    assert index.build_table((), NOW).rows[0].written_at == datetime(2026, 2, 2, tzinfo=UTC)


def test_without_pods_free_devices_are_unknown() -> None:
    index = NodeIndex()
    index.is_counted = False
    index.replace_nodes({"a": gpu_node("a")})
    (event,) = index.take_events()
    assert event.row.free is None


NAMES = st.sampled_from("abc")
REQUESTS = st.builds(PodRequest, node=NAMES, counts=st.dictionaries(st.just(GPU), st.integers(1, 4)))
STEPS = st.one_of(
    st.tuples(st.just("change_node"), NAMES, st.one_of(st.none(), st.integers(0, 4))),
    st.tuples(st.just("change_pod"), st.sampled_from("1234"), st.one_of(st.none(), REQUESTS)),
    st.tuples(st.just("replace_nodes"), st.dictionaries(NAMES, st.integers(0, 4))),
    st.tuples(st.just("replace_pods"), st.dictionaries(st.sampled_from("1234"), REQUESTS)),
)


@given(st.lists(STEPS))
def test_changes_one_by_one_lead_to_the_same_table_as_a_list(steps: list[Any]) -> None:
    index, nodes, pods, rows = NodeIndex(), dict[str, Node](), dict[str, PodRequest](), dict[str, Any]()
    for name, *arguments in steps:
        if name == "change_node":
            key, count = arguments
            nodes.pop(key, None)
            if count is not None:
                nodes[key] = gpu_node(key, count)
            index.change_node(key, nodes.get(key))
        elif name == "replace_nodes":
            nodes = {key: gpu_node(key, count) for key, count in arguments[0].items()}
            index.replace_nodes(nodes)
        elif name == "change_pod":
            key, request = arguments
            pods.pop(key, None)
            if request is not None:
                pods[key] = request
            index.change_pod(key, request)
        else:
            pods = dict(arguments[0])
            index.replace_pods(pods)
        for event in index.take_events():
            assert (event.kind == "ADDED") is (event.row.node not in rows)
            rows[event.row.node] = event.row
            if event.kind == "DELETED":
                del rows[event.row.node]
        expected = build_table(add_requests(nodes.values(), pods.values()), (), NOW)
        assert index.build_table((), NOW) == expected
        # No event tells that other pods hold as many devices.
        assert {name: replace(row, holders=()) for name, row in rows.items()} == {
            row.node: replace(row, holders=()) for row in expected.rows
        }
