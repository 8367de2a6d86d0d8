"""Nodes from files and simulated machines; tests/cluster has those of a cluster."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gfd.clusterview import kubectl
from gfd.clusterview.cluster import connect
from gfd.clusterview.nodes import Taint, read_node
from gfd.clusterview.pods import sum_requests
from gfd.clusterview.sources import read_nodes
from gfd.config.loader import load
from gfd.config.model import LoadedConfig
from gfd.errors import GfdError
from gfd.kube.selectors import parse
from tests.tools.make import Object, gpu_labels, node, pod, write

pytestmark = pytest.mark.whole

GPU = "nvidia.com/gpu"


def loaded(**values: str) -> LoadedConfig:
    return load(values, {})


def test_nodes_and_pods_from_files(tmp_path: Path) -> None:
    taints = [
        {"key": "dedicated", "value": "ml", "effect": "NoSchedule"},
        {"key": "x", "effect": "NoExecute"},
    ]
    nodes = write(tmp_path / "nodes", node("b", offers={"gpu": 8}), node("a", gpu_labels(), taints=taints))
    pods = write(
        tmp_path / "pods",
        pod("1", "b", {"gpu": 1}),
        pod("2", "b", {"gpu": 2}, "Pending"),
        pod("3", "b", {"gpu": 4}, "Succeeded"),
        pod("4", "", {"gpu": 4}),
        pod("5", "b", {}),
    )
    first, second = kubectl.read_nodes(Path(nodes), Path(pods))
    assert (first.name, first.labels) == ("a", {"kubernetes.io/hostname": "a"} | gpu_labels())
    assert list(map(str, first.taints)) == ["dedicated=ml:NoSchedule", "x:NoExecute"]
    assert first.taints[0] == Taint(key="dedicated", value="ml", effect="NoSchedule")
    assert (second.name, second.allocatable, second.requested) == ("b", {GPU: 8}, {GPU: 3})
    assert second.free(GPU) == 5
    assert first.is_counted
    assert [each.is_counted for each in kubectl.read_nodes(Path(nodes), None)] == [False, False]


def test_what_kubectl_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON, YAML, one object, standard input, and what PowerShell puts in front."""
    item = node("größe", {"zone": "a"}, {"gpu": 1})
    files = {
        "list.json": json.dumps({"kind": "NodeList", "items": [item]}),
        "one.json": json.dumps(item),
        "list.yaml": yaml.safe_dump({"kind": "List", "items": [item]}),
        "bom.json": "\ufeff" + json.dumps(item),
    }
    expected = [read_node(item)]
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (found,) = kubectl.read_nodes(tmp_path / name, None)
        assert found.labels == expected[0].labels
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(files["list.yaml"].encode())))
    (found,) = kubectl.read_nodes(Path("-"), None)
    assert found.name == "größe"


def changed(path: str, value: Any) -> Object:
    """Return a Node of which one part is something else."""
    item = node("n1", gpu_labels(), {"gpu": 8})
    *parts, last = path.split(".")
    target = item
    for part in parts:
        target = target[part]
    target[last] = value
    return item


HINT = "; expected the output of kubectl get nodes -o json"
NO_NAME = "has a field metadata that is not a mapping"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (
            changed("metadata", []),
            " Node number 1 has a field metadata that is not a mapping",
        ),
        (
            changed("metadata", "x"),
            " Node number 1 has a field metadata that is not a mapping",
        ),
        (changed("metadata.name", ""), " Node number 1 has no metadata.name"),
        (changed("metadata.labels", ["a"]), " Node n1 has a field metadata.labels that is not a mapping"),
        (
            changed("metadata.labels", {"nvidia.com/gpu.count": 8}),
            " Node n1 has a label nvidia.com/gpu.count whose value is not a string; put it in quotes",
        ),
        (changed("spec", 1), " Node n1 has a field spec that is not a mapping"),
        (changed("spec.taints", {"key": "a"}), " Node n1 has a field spec.taints that is not a list"),
        (changed("spec.taints", [{"key": "a"}]), " Node n1 has a taint without key or effect"),
        (
            changed("status.conditions", ["Ready"]),
            " Node n1 has an entry that is not a mapping",
        ),
        (
            changed("status.allocatable", [1]),
            " Node n1 has a field status.allocatable that is not a mapping",
        ),
        (
            changed("status.capacity", {GPU: "many"}),
            f" Node n1 has an amount of {GPU} that is not a quantity: 'many'; write one like 1, 500m or 40Gi",
        ),
        (
            changed("status.allocatable", {GPU: 0.5}),
            f" Node n1 has an amount of {GPU} that is not a whole number: '0.5'; devices cannot be divided",
        ),
        (changed("kind", "Pod"), "1: holds a List with a Pod; only Nodes are read"),
        ("text", "1: holds a List with something that is not an object; only Nodes are read"),
    ],
)
def test_odd_nodes(tmp_path: Path, item: Object, reason: str) -> None:
    path = write(tmp_path / "nodes.json", item)
    with pytest.raises(GfdError) as caught:
        kubectl.read_nodes(Path(path), None)
    assert str(caught.value) == f"{path}:{reason}{HINT}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("a: b", "does not hold a Kubernetes object"),
        ("[]", "does not hold a Kubernetes object"),
        ("a: b: c", "is not valid YAML: mapping values are not allowed in this context"),
        ("\x00", "is not valid YAML: it has the character U+0000, which YAML does not allow"),
        ("[" * 100_000, "is not valid YAML: exceeded maximum nesting depth"),
        ('{"kind": "List"}', "holds a List without items"),
        ('{"kind": "List", "items": {}}', "holds a List without items"),
    ],
)
def test_files_of_something_else(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "nodes"
    path.write_text(text)
    with pytest.raises(GfdError) as caught:
        kubectl.read_nodes(path, None)
    assert str(caught.value) == f"{path}:1: {reason}{HINT}"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(GfdError, match="gone: No such file or directory; expected the output"):
        kubectl.read_nodes(tmp_path / "gone", None)
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(GfdError, match="bytes:1: is not valid YAML: it is not text in UTF-8; expected"):
        kubectl.read_nodes(tmp_path / "bytes", None)
    nodes = write(tmp_path / "nodes", node("a"))
    pods = write(tmp_path / "pods", pod("p", "a", {"gpu": 1}) | {"spec": {"nodeName": "a", "containers": 1}})
    with pytest.raises(GfdError) as caught:
        kubectl.read_nodes(Path(nodes), Path(pods))
    assert str(caught.value) == (
        f"{pods}: Pod p has a field containers that is not a list; "
        "expected the output of kubectl get pods -A -o json"
    )


def container(count: int, **more: str) -> Object:
    return {"name": "c", "resources": {"limits": {GPU: str(count)}}, **more}


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"containers": [container(1), container(2)]}, 3),
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
        ({"containers": [container(1)], "overhead": {GPU: "1"}}, 2),
        ({"containers": [{"resources": {"limits": {GPU: "4"}, "requests": {GPU: "4"}}}]}, 4),
    ],
)
def test_what_a_pod_requests(spec: Object, count: int) -> None:
    assert sum_requests(spec)[GPU] == count


def test_a_selector_for_files(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "nodes", node("a", {"zone": "a"}), node("b", {"zone": "b"})))
    (found,) = read_nodes(loaded(), path, selector=parse("zone in (b,c)"))
    assert found.name == "b"
    assert read_nodes(loaded(simulate="t4"), selector=parse("zone")) == []


def test_pods_without_nodes() -> None:
    with pytest.raises(GfdError, match=r"--pods \(command line\): needs --nodes"):
        read_nodes(loaded(), None, Path("pods"))


@pytest.mark.parametrize(
    ("values", "offered"),
    [
        ({"simulate": "t4"}, {GPU: 1}),
        ({"simulate": "no-gpu"}, {}),
        ({"simulate": "mixed-models"}, {GPU: 3}),
        ({"simulate": "mig-doc", "mig": "all-1g.5gb"}, {GPU: 1}),
        ({"simulate": "mig-doc", "mig": "all-1g.5gb", "mig_strategy": "single"}, {GPU: 7}),
        ({"simulate": "mig-doc", "mig": "all-1g.5gb", "mig_strategy": "mixed"}, {"nvidia.com/mig-1g.5gb": 7}),
        ({"simulate": "dgx-a100", "mig_strategy": "single"}, {GPU: 8}),
        ({"simulate": "dgx-a100", "mig_strategy": "mixed"}, {GPU: 8}),
    ],
)
def test_a_simulated_node(values: dict[str, str], offered: dict[str, int]) -> None:
    (found,) = read_nodes(loaded(**values))
    assert (found.name, found.allocatable, found.capacity) == (values["simulate"], offered, offered)
    assert found.is_counted


@pytest.mark.parametrize(("rename", "name"), [("false", GPU), ("true", f"{GPU}.shared")])
def test_a_simulated_node_whose_gpus_are_shared(tmp_path: Path, rename: str, name: str) -> None:
    (tmp_path / "config.yaml").write_text(
        "version: v1\nsharing:\n  timeSlicing:\n"
        f"    renameByDefault: {rename}\n    resources:\n    - name: nvidia.com/gpu\n      replicas: 4\n"
    )
    values = {"simulate": "dgx-a100", "config_file": str(tmp_path / "config.yaml"), "node_name": "n"}
    (found,) = read_nodes(loaded(**values))
    assert (found.name, found.allocatable) == ("n", {name: 32})


def test_people_are_not_held_up_unless_they_ask_for_it() -> None:
    assert connect(loaded()) is not connect(loaded())
    slow = loaded(kube_api_qps="1")
    assert connect(slow) is connect(slow)
