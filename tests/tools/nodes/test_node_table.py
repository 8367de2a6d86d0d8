from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.nodes import Node, read_node
from gfd.clusterview.pods import PodRequest, add_requests
from gfd.tools.nodes.columns import COLUMNS
from gfd.tools.nodes.formats import to_csv, to_json, to_yaml
from gfd.tools.nodes.node_table import NodeTable, build_table
from tests.tools.make import gpu_labels, node, unready

NOW = datetime(2026, 1, 2, 3, 9, 35, tzinfo=UTC)
A100, T4 = "NVIDIA-A100-SXM4-40GB", "Tesla-T4"


def nodes() -> list[Node]:
    labels = gpu_labels(T4, 2, gpu_memory="15360", gpu_replicas="4", gpu_sharing__strategy="time-slicing")
    mixed = {
        "nvidia.com/mig.strategy": "mixed",
        "nvidia.com/mig-1g.5gb.count": "2",
        "nvidia.com/mig-3g.20gb.count": "1",
    }
    items = [
        node("a10", gpu_labels() | mixed, {"gpu": 7, "mig-1g.5gb": 2, "mig-3g.20gb": 1}, writer="gfd"),
        node("a9", gpu_labels(f"{A100}-MIG-1g.5gb", 7, mig_strategy="single"), {"gpu": 7}),
        unready(node("b", labels, {"gpu": 8}, writer="nfd-master")),
        node("c"),
        node("d", offers={"gpu": 1}),
    ]
    requests = [
        PodRequest(node="a10", counts={"nvidia.com/gpu": 2, "nvidia.com/mig-1g.5gb": 1}),
        PodRequest(node="b", counts={"nvidia.com/gpu": 9}),
    ]
    return add_requests(map(read_node, items), requests)


def table(*order: str) -> NodeTable:
    return build_table(nodes(), order, NOW)


def names(*order: str) -> list[str]:
    return [row.node for row in table(*order).rows]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([], ["a10", "a9", "b", "d"]),
        (["node"], ["a9", "a10", "b", "d"]),
        (["-node"], ["d", "b", "a10", "a9"]),
        (["gpus"], ["b", "a10", "a9", "d"]),
        (["-gpus"], ["a10", "b", "a9", "d"]),
        (["memory", "-node"], ["b", "a10", "a9", "d"]),
        (["-free"], ["a10", "a9", "d", "b"]),
        (["-allocated"], ["b", "a10", "a9", "d"]),
        (["stale"], ["d", "b", "a10", "a9"]),
        (["product", "node"], ["a10", "a9", "b", "d"]),
        (["age"], ["a10", "b", "a9", "d"]),
        (["strategy", "-node"], ["a10", "d", "b", "a9"]),
    ],
)
def test_sorting(order: list[str], expected: list[str]) -> None:
    assert names(*order) == expected


@given(st.lists(st.sampled_from([sign + column.name for column in COLUMNS for sign in ("", "-")])))
def test_any_order_keeps_every_node(order: list[str]) -> None:
    assert sorted(names(*order)) == ["a10", "a9", "b", "d"]


TOTALS = {
    "nodes": 4,
    "gpus": 10,
    "nodes_without_gpu_count": 1,
    "stale_nodes": 2,
    "nodes_without_gpus": 1,
    "allocatable": {"nvidia.com/gpu": 23, "nvidia.com/mig-1g.5gb": 2, "nvidia.com/mig-3g.20gb": 1},
    "allocated": {"nvidia.com/gpu": 11, "nvidia.com/mig-1g.5gb": 1, "nvidia.com/mig-3g.20gb": 0},
    "free": {"nvidia.com/gpu": 13, "nvidia.com/mig-1g.5gb": 1, "nvidia.com/mig-3g.20gb": 1},
}

FIRST = {
    "node": "a10",
    "product": A100,
    "models": {},
    "gpus": 8,
    "mig_strategy": "mixed",
    "mig": {"1g.5gb": 2, "3g.20gb": 1},
    "is_mig_invalid": False,
    "memory_mib": 40960,
    "driver": "535.129.03",
    "cuda": "12.2",
    "compute": "8.0",
    "family": "ampere",
    "machine": "DGXA100-920-23687-2530-000",
    "sharing_strategy": None,
    "replicas": {},
    "allocatable": {"nvidia.com/gpu": 7, "nvidia.com/mig-1g.5gb": 2, "nvidia.com/mig-3g.20gb": 1},
    "allocated": {"nvidia.com/gpu": 2, "nvidia.com/mig-1g.5gb": 1, "nvidia.com/mig-3g.20gb": 0},
    "free": {"nvidia.com/gpu": 5, "nvidia.com/mig-1g.5gb": 1, "nvidia.com/mig-3g.20gb": 1},
    "loaded_at": "2026-01-01T20:40:00Z",
    "written_at": "2026-01-02T03:04:05Z",
    "writers": ["gfd"],
    "stale": [],
    "cloud_name": None,
}


def test_json_and_yaml_have_all_fields() -> None:
    found = json.loads(to_json(table()))
    assert yaml.safe_load(to_yaml(table())) == found
    assert list(found) == ["nodes", "totals"]
    assert {name: found["totals"][name] for name in TOTALS} == TOTALS
    assert [each["product"] for each in found["totals"]["products"]] == [
        None,
        A100,
        A100,
        A100,
        f"{A100}-MIG-1g.5gb",
        T4,
    ]
    assert found["nodes"][0] == FIRST
    assert found["nodes"][3] == dict.fromkeys(FIRST) | {
        "node": "d",
        "models": {},
        "mig_strategy": "none",
        "mig": {},
        "is_mig_invalid": False,
        "replicas": {},
        "allocatable": {"nvidia.com/gpu": 1},
        "allocated": {"nvidia.com/gpu": 0},
        "free": {"nvidia.com/gpu": 1},
        "writers": [],
        "stale": ["no labels, but 1 gpu offered"],
    }


def test_totals_are_unknown_if_one_node_is_unknown() -> None:
    items = [read_node(node("a", gpu_labels(), {"gpu": 8}))]
    (uncounted,) = add_requests(items, None)
    found = json.loads(to_json(build_table([*nodes(), uncounted], [], NOW)))
    assert (found["totals"]["allocated"], found["totals"]["free"]) == (None, None)
    assert (found["nodes"][-1]["allocated"], found["nodes"][-1]["free"]) == (None, None)


def test_csv() -> None:
    lines = to_csv(table()).splitlines()
    assert lines[0] == ",".join(FIRST)
    assert lines[1] == (
        f"a10,{A100},,8,mixed,1g.5gb=2 3g.20gb=1,false,40960,535.129.03,12.2,8.0,ampere,"
        "DGXA100-920-23687-2530-000,,,nvidia.com/gpu=7 nvidia.com/mig-1g.5gb=2 nvidia.com/mig-3g.20gb=1,"
        "nvidia.com/gpu=2 nvidia.com/mig-1g.5gb=1 nvidia.com/mig-3g.20gb=0,"
        "nvidia.com/gpu=5 nvidia.com/mig-1g.5gb=1 nvidia.com/mig-3g.20gb=1,"
        "2026-01-01T20:40:00Z,2026-01-02T03:04:05Z,gfd,,"
    )
    assert lines[4] == (
        "d,,,,none,,false,,,,,,,,,nvidia.com/gpu=1,nvidia.com/gpu=0,nvidia.com/gpu=1,,,,"
        '"no labels, but 1 gpu offered",'
    )
    assert len(list(csv.reader(io.StringIO(to_csv(table()))))) == 5
    assert to_csv(NodeTable(rows=(), nodes_without_gpus=0)) == lines[0] + "\n"


def test_csv_escapes_control_characters() -> None:
    hostile = node("\x1b[2J", gpu_labels("\u202eT4", 1), {"gpu": 1}, writer="\x9b31m")
    (_, line) = to_csv(build_table([read_node(hostile)], [], NOW)).splitlines()
    assert line.isascii()
    assert line.startswith(r"\x1b[2J,\u202eT4,")
    assert line.endswith(r",\x9b31m,,")
