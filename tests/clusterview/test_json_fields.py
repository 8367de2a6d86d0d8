"""Nodes and pods are the same whether or not the fields that nobody reads are skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import population
from gfd.clusterview import kubectl
from gfd.clusterview.nodes import Node
from gfd.documents import json_decoder
from gfd.errors import DocumentError
from gfd.tools.match.dra.objects import read_stored
from tests.tools.make import gpu_labels, node, pod, unready, write
from tests.tools.match.claim_files import H100, claim, exactly, held, template, write_cluster

TAINT = {"key": "team", "value": "a", "effect": "NoSchedule"}


Read = Callable[[Path, Path | None], list[Node]]


def read_both_ways(
    nodes: Path, pods: Path | None, monkeypatch: pytest.MonkeyPatch, read: Read = kubectl.read_nodes
) -> list[list[Node] | str]:
    found: list[list[Node] | str] = []
    for import_module in (json_decoder._import_msgspec, lambda: None):
        monkeypatch.setattr(json_decoder, "_import_msgspec", import_module)
        try:
            found.append(read(nodes, pods))
        except DocumentError as error:
            found.append(str(error))
    return found


def complete_node() -> dict[str, Any]:
    item = unready(node("a", gpu_labels(), {"gpu": 8}, writer="gfd", allocatable={"gpu": 7}))
    return item | {"spec": {"taints": [TAINT], "unschedulable": True, "providerID": "x"}}


def complete_pod() -> dict[str, Any]:
    item = pod("p", "a", {"gpu": 2})
    spec = item["spec"]
    side = {"name": "side", "restartPolicy": "Always", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    spec |= {"initContainers": [side], "overhead": {"nvidia.com/mig-1g.5gb": "1"}, "volumes": [{"name": "v"}]}
    return item


def test_every_field_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes, pods = (
        Path(write(tmp_path / "nodes.json", complete_node())),
        Path(write(tmp_path / "pods.json", complete_pod())),
    )
    fast, slow = read_both_ways(nodes, pods, monkeypatch)
    assert fast == slow
    assert not isinstance(fast, str)
    (found,) = fast
    assert found.requested == {"nvidia.com/gpu": 3, "nvidia.com/mig-1g.5gb": 1}
    assert found.taints
    assert found.unready_since
    assert found.label_writers
    assert found.allocatable != found.capacity


def test_every_field_that_gfd_match_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = complete_pod()
    item["metadata"] |= {"labels": {"a": "b"}, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    item["spec"] |= {
        "hostNetwork": True,
        "priority": 3,
        "priorityClassName": "low",
        "preemptionPolicy": "Never",
        "resources": {"requests": {"cpu": "9"}},
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}
                ]
            }
        },
    }
    item["spec"]["containers"][0]["ports"] = [{"containerPort": 80}]
    amounts = {"resources": {"requests": {"memory": "1Gi"}}, "allocatedResources": {"memory": "1Gi"}}
    item["status"]["startTime"] = "2026-01-01T00:00:00Z"
    item["status"]["containerStatuses"] = [{"name": item["spec"]["containers"][0]["name"], **amounts}]
    item["status"]["initContainerStatuses"] = [{"name": "side", **amounts}]
    nodes, pods = (
        Path(write(tmp_path / "nodes.json", complete_node())),
        Path(write(tmp_path / "pods.json", item)),
    )
    fast, slow = read_both_ways(nodes, pods, monkeypatch, kubectl.read_nodes_and_pods)
    assert fast == slow
    assert not isinstance(fast, str)
    (bound,) = fast[0].pods
    assert bound.requests["memory"] == 2 << 30
    assert bound.requests["cpu"] == 9000
    assert (bound.labels, bound.priority, bound.priority_class) == ({"a": "b"}, 3, "low")
    assert bound.preemption_policy == "Never"
    assert bound.started_at
    assert bound.host_ports
    assert bound.anti_affinity
    assert bound.is_terminating


def test_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = population.write(tmp_path / "nodes.json", population.describe_nodes(8))
    pods = population.write(tmp_path / "pods.json", population.describe_pods(population.describe_nodes(8)))
    fast, slow = read_both_ways(nodes, pods, monkeypatch)
    assert fast == slow
    assert len(fast) == 8


@pytest.mark.parametrize("kind", ["Node", "Pod"])
@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"kind": "List"}',
        '{"kind": "Secret", "items": []}',
        '{"kind": "List", "items": [1]}',
        '{"kind": "List", "items": {}}',
        '{"kind": "List", "items": [{"kind": "Secret"}]}',
        '{"kind": "List", "items": [{"metadata": [], "spec": [], "status": []}]}',
        '{"kind": "List", "items": [{"metadata": {"name": 1}, "spec": {"nodeName": 1}}]}',
        '{"kind": "List", "items": [{"spec": {"nodeName": "a", "containers": {}}}]}',
        '{"kind": "List", "items": [{"spec": {"nodeName": "a", "containers": [[]]}}]}',
        '{"kind": "List", "items": [{"spec": {"nodeName": "a", "containers": [{"resources": 1}]}}]}',
        '{"kind": "List", "items": [{"spec": {"nodeName": "a", "containers": [{"resources": []}]}}]}',
        '{"kind": "List", "items": [{"spec": {"nodeName": "a", "overhead": []}}]}',
    ],
)
def test_malformed_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str) -> None:
    nodes = tmp_path / "nodes.json"
    if kind == "Node":
        nodes.write_text(text)
        pods = None
    else:
        write(nodes, node("a"))
        pods = tmp_path / "pods.json"
        pods.write_text(text)
    fast, slow = read_both_ways(nodes, pods, monkeypatch)
    assert fast == slow
    assert isinstance(fast, str)


def test_what_claims_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = claim("other", exactly(1), **held("a", "gpu-0", pod="x"))
    taken["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    other = complete_node()
    other["metadata"]["name"] = "b"
    path = Path(write_cluster(tmp_path, other, taken, template("t", exactly(2, H100))))
    found = []
    for import_module in (json_decoder._import_msgspec, lambda: None):
        monkeypatch.setattr(json_decoder, "_import_msgspec", import_module)
        nodes, snapshot = kubectl.read_nodes_and_claims(path, None)
        objects = [read_stored(each.kind, each.item) for each in snapshot.objects]
        found.append((nodes, snapshot.slices, snapshot.claims, snapshot.unknown, objects))
    assert found[0] == found[1]
    assert len(found[0][-1]) == 5
