"""Nodes from files and simulated machines; from a cluster they come in tests/cluster/test_match.py."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from gfd.clusterview import kubectl
from gfd.clusterview.nodes import Node, Taint, read_node
from gfd.clusterview.pods import add_requests, read_pod_request, sum_requests
from gfd.clusterview.sources import read_nodes
from gfd.config.model import LoadedConfig
from gfd.config.node_config import ConfigLoader
from gfd.errors import ConfigError, GfdError

pytestmark = pytest.mark.whole

GPU = "nvidia.com/gpu"
Object = dict[str, Any]


def loaded(**values: str) -> LoadedConfig:
    return ConfigLoader(values, {})()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "nodes.json"


def node(name: str = "n1", **members: Any) -> Object:
    return {"kind": "Node", "metadata": {"name": name}, **members}


def pod(on: str, gpus: Any, phase: str = "Running") -> Object:
    container = {"resources": {"limits": {GPU: gpus, "cpu": "1"}}}
    return {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": on, "containers": [container]},
            "status": {"phase": phase}}  # fmt: skip


def test_a_node() -> None:
    item = node(
        spec={
            "taints": [
                {"key": "a", "value": "b", "effect": "NoSchedule"},
                {"key": "c", "effect": "NoExecute"},
            ]
        },
        status={"allocatable": {GPU: "8", "nvidia.com/mig-1g.5gb": 7, "cpu": "500m"}},
    )
    item["metadata"]["labels"] = {"x": "y"}
    assert read_node(item) == Node(
        name="n1",
        labels={"x": "y"},
        taints=(Taint(key="a", value="b", effect="NoSchedule"), Taint(key="c", effect="NoExecute")),
        allocatable={GPU: 8, "nvidia.com/mig-1g.5gb": 7},
    )
    assert read_node(node(spec=None, status=None)) == Node(name="n1")


def test_a_cordoned_node_is_tainted_at_once() -> None:
    cordon = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
    assert read_node(node(spec={"unschedulable": True})).taints == (cordon,)
    tainted = {"unschedulable": True, "taints": [{"key": cordon.key, "effect": "NoSchedule"}]}
    assert read_node(node(spec=tainted)).taints == (cordon,)
    assert read_node(node(spec={"unschedulable": False})).taints == ()


def test_files(tmp_path: Path) -> None:
    nodes, pods = tmp_path / "nodes", tmp_path / "pods"
    offer = {"allocatable": {GPU: 8}}
    items = [node("b", status=offer), node("a", status=offer)]
    listed = [
        json.dumps({"kind": "List", "items": items}),
        yaml.safe_dump({"kind": "NodeList", "items": items}),
        yaml.safe_dump_all(items),
        "\ufeff" + json.dumps({"kind": "List", "items": items}),
    ]
    there = [pod("a", 3), pod("a", "1"), pod("a", 9, "Failed"), pod("", 9), pod("gone", 1)]
    pods.write_text(json.dumps({"kind": "PodList", "items": there}))
    for text in listed:
        nodes.write_text(text)
        found = kubectl.read_nodes(nodes, pods)
        assert [(each.name, each.free(GPU), each.free("nvidia.com/none")) for each in found] == [
            ("a", 4, 0),
            ("b", 8, 0),
        ]
        assert [each.free(GPU) for each in kubectl.read_nodes(nodes, None)] == [8, 8]
    nodes.write_text(json.dumps(items[0]))
    assert [each.name for each in kubectl.read_nodes(nodes, None)] == ["b"]
    assert read_nodes(loaded(nodes=""), nodes, pods) == kubectl.read_nodes(nodes, pods)


def test_pods_of_a_server() -> None:
    (found,) = add_requests(
        [Node(name="a", allocatable={GPU: 4})], map(read_pod_request, [pod("a", 1), pod("a", 2, "Succeeded")])
    )
    assert found.free(GPU) == 3


def test_requests() -> None:
    def wants(gpus: int, **members: Any) -> Object:
        return {"resources": {"requests": {GPU: gpus}}, **members}

    assert sum_requests({}) == {}
    assert sum_requests({"containers": [{}, wants(1), wants(2)]}) == {GPU: 3}
    first = [wants(4), wants(2, restartPolicy="Always"), wants(3)]
    assert sum_requests({"initContainers": first[:1], "containers": [wants(1)]}) == {GPU: 4}
    assert sum_requests({"initContainers": first, "containers": [wants(1)]}) == {GPU: 5}
    assert sum_requests({"initContainers": first, "containers": [wants(9)], "overhead": {GPU: 1}}) == {
        GPU: 12
    }


HINT = "; expected the output of kubectl get nodes -o json"
WITHOUT_END = (
    "".join(
        f"{name}: &{name} [{','.join([f'*{before}' if before else 'x'] * 20)}]\n"
        for before, name in pairwise(["", *"abcdefg"])
    )
    + "h: &h {}\n"
)
"""A few lines of YAML that hold a thousand million values."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "FILE:1: is empty"),
        ("words", "FILE:1: does not hold a Kubernetes object"),
        ("[]", "FILE:1: does not hold a Kubernetes object"),
        ("{}", "FILE:1: does not hold a Kubernetes object"),
        ("a: 1\nb: [", "FILE:2: is not valid YAML: did not find expected node content"),
        ("\x00", "FILE:1: is not valid YAML: it has the character U+0000, which YAML does not allow"),
        ('{"kind": "PodList", "items": []}', "FILE:1: holds a PodList, not Nodes"),
        ('{"kind": "Pod"}', "FILE:1: holds a Pod, not Nodes"),
        ('{"kind": "Status", "code": 403}', "FILE:1: holds a Status, not Nodes"),
        ('{"kind": "List"}', "FILE:1: holds a List without items"),
        ('{"kind": "List", "items": [{"kind": "Pod"}]}',
         "FILE:1: holds a List with a Pod; only Nodes are read"),
        ('{"kind": "List", "items": [5]}',
         "FILE:1: holds a List with something that is not an object; only Nodes are read"),
        ('{"kind": "\\u001b[2J"}', r"FILE:1: holds a \x1b[2J, not Nodes"),
        (WITHOUT_END + "kind: List", "FILE:5: is too large: it uses its anchors again and again"),
        ('{"kind": "Node"}', "FILE: Node number 1 has no metadata.name"),
        ('{"kind": "Node", "metadata": 5}',
         "FILE: Node number 1 has a field metadata that is not a mapping"),
        ('{"kind": "Node", "metadata": {"name": 5}}',
         "FILE: Node 5 has a field metadata.name that is not a string"),
        ('{"kind": "Node", "metadata": {"name": "a", "labels": []}}',
         "FILE: Node a has a field metadata.labels that is not a mapping"),
        ('{"kind": "Node", "metadata": {"name": "a", "labels": {"x": true}}}',
         "FILE: Node a has a label x whose value is not a string; put it in quotes"),
        ('{"kind": "Node", "metadata": {"name": "a"}, "spec": {"taints": {}}}',
         "FILE: Node a has a field spec.taints that is not a list"),
        ('{"kind": "Node", "metadata": {"name": "a"}, "spec": {"taints": [{"key": "x"}]}}',
         "FILE: Node a has a taint without key or effect"),
        ('{"kind": "Node", "metadata": {"name": "a"}, "spec": {"taints": ["x"]}}',
         "FILE: Node a has an entry that is not a mapping"),
        ('{"kind": "Node", "metadata": {"name": "a"}, "spec": {"unschedulable": "yes"}}',
         "FILE: Node a has a field spec.unschedulable that is not true or false"),
        (('{"kind": "Node", "metadata": {"name": "\\u001b"}, "status": {"allocatable": {"nvidia.com/gpu":'
         ' "x"}}}'),
         (r"FILE: Node \x1b has an amount of nvidia.com/gpu that is not a quantity: 'x'; write one like 1,"
         r" 500m or 40Gi")),
    ],
)  # fmt: skip
def test_what_are_no_nodes(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(GfdError) as refused:
        kubectl.read_nodes(file, None)
    assert str(refused.value).replace(str(file), "FILE") == message + HINT


def test_what_are_no_pods(tmp_path: Path, file: Path) -> None:
    file.write_text(json.dumps(node()))
    pods = tmp_path / "pods.json"
    pods.write_text(json.dumps({"kind": "List", "items": [pod("n1", 1), pod("n1", "half")]}))
    with pytest.raises(GfdError) as refused:
        kubectl.read_nodes(file, pods)
    assert str(refused.value) == (
        f"{pods}: Pod p has an amount of nvidia.com/gpu that is not a quantity: 'half'; write one like 1,"
        " 500m or 40Gi; expected the output of kubectl get pods -A -o json"
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        GfdError, match=r"gone: No such file or directory; expected the output of kubectl get nodes"
    ):
        kubectl.read_nodes(tmp_path / "gone", None)
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(GfdError, match=r"bytes:1: is not valid YAML: it is not text in UTF-8; expected"):
        kubectl.read_nodes(tmp_path / "bytes", None)


def test_pods_alone_are_of_no_use(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs --nodes"):
        read_nodes(loaded(), None, tmp_path)


SHARING = """\
version: v1
sharing:
  timeSlicing:
    renameByDefault: {}
    resources: [{{name: nvidia.com/gpu, replicas: 4}}]
"""


SOME = """\
version: v1
mig-configs:
  some:
  - {devices: [0], mig-enabled: true, mig-devices: {1g.5gb: 7}}
  - {devices: [1], mig-enabled: true, mig-devices: {3g.20gb: 2}}
  - {devices: [2, 3, 4, 5, 6, 7], mig-enabled: false}
"""


@pytest.mark.parametrize(
    ("machine", "layout", "strategy", "offered"),
    [
        ("mig-doc", "all-1g.5gb", "none", {GPU: 1}),
        ("mig-doc", "all-1g.5gb", "single", {GPU: 7}),
        ("mig-doc", "all-1g.5gb", "mixed", {"nvidia.com/mig-1g.5gb": 7}),
        ("mig-doc", "", "mixed", {GPU: 1}),
        ("dgx-a100", "", "single", {GPU: 8}),
        ("dgx-a100", "some", "none", {GPU: 8}),
        ("dgx-a100", "some", "single", {}),
        ("dgx-a100", "some", "mixed", {GPU: 6, "nvidia.com/mig-1g.5gb": 7, "nvidia.com/mig-3g.20gb": 2}),
        ("no-gpu", "", "none", {}),
    ],
)  # fmt: skip
def test_a_simulated_machine_offers_what_the_device_plugin_would(
    tmp_path: Path, machine: str, layout: str, strategy: str, offered: dict[str, int]
) -> None:
    values = {"simulate": machine, "mig_strategy": strategy, "no_timestamp": "true"}
    if layout == "some":
        (tmp_path / "some.yaml").write_text(SOME)
        layout = str(tmp_path / "some.yaml")
    (found,) = read_nodes(loaded(**values, **({"mig": layout} if layout else {})))
    assert (found.name, found.allocatable, found.requested, found.taints) == (machine, offered, {}, ())
    assert found.labels["nvidia.com/vgpu.present"] == "false"


@pytest.mark.parametrize(("is_renamed", "name"), [("false", GPU), ("true", "nvidia.com/gpu.shared")])
def test_shared_gpus(tmp_path: Path, is_renamed: str, name: str) -> None:
    (tmp_path / "config.yaml").write_text(SHARING.format(is_renamed))
    config = loaded(simulate="dgx-a100", config_file=str(tmp_path / "config.yaml"), node_name="n9")
    (found,) = read_nodes(config)
    assert (found.name, found.allocatable) == ("n9", {name: 32})
