from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from gfd.clusterview.kubectl import read_nodes
from gfd.clusterview.nodes import read_node
from gfd.errors import DocumentError
from tests.tools.make import node, pod, write

GPU = "nvidia.com/gpu"
HINT = "; expected the output of kubectl get nodes -o json"


def test_nodes_and_pods(tmp_path: Path) -> None:
    nodes = write(tmp_path / "nodes", node("b", offers={"gpu": 8}), node("a", offers={"gpu": 4}))
    pods = write(
        tmp_path / "pods",
        pod("1", "b", {"gpu": 1}),
        pod("2", "b", {"gpu": 2}, "Pending"),
        pod("3", "b", {"gpu": 4}, "Succeeded"),
        pod("4", "", {"gpu": 4}),
        pod("5", "b", {}),
        pod("6", "elsewhere", {"gpu": 1}),
    )
    first, second = read_nodes(Path(nodes), Path(pods))
    assert (first.name, first.requested, first.free(GPU), first.is_counted) == ("a", {}, 4, True)
    assert (second.name, second.requested, second.free(GPU)) == ("b", {GPU: 3}, 5)
    assert second.free("nvidia.com/none") == 0


def test_without_pods_the_requests_are_unknown(tmp_path: Path) -> None:
    nodes = write(tmp_path / "nodes", node("b", offers={"gpu": 8}), node("a"))
    assert [(each.name, each.is_counted) for each in read_nodes(Path(nodes), None)] == [
        ("a", False),
        ("b", False),
    ]


ITEM = node("größe", {"zone": "a"}, {"gpu": 1})


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"kind": "NodeList", "items": [ITEM]}),
        json.dumps(ITEM),
        "\ufeff" + json.dumps(ITEM),
        yaml.safe_dump({"kind": "List", "items": [ITEM]}),
        yaml.safe_dump_all([ITEM]),
    ],
)
def test_the_forms_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """JSON and YAML, a List or an object, and the byte order mark that PowerShell writes."""
    (tmp_path / "nodes").write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    for path in (tmp_path / "nodes", Path("-")):
        (found,) = read_nodes(path, None)
        assert (found.name, found.labels) == ("größe", read_node(ITEM).labels)


def test_several_yaml_documents(tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text(yaml.safe_dump_all([node("b"), node("a")]))
    assert [each.name for each in read_nodes(tmp_path / "nodes", None)] == ["a", "b"]


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
         ("FILE:1: holds a List with a Pod; only Nodes, ResourceSlices, ResourceClaims,"
          " ResourceClaimTemplates and DeviceClasses are read")),
        ('{"kind": "List", "items": [5]}',
         ("FILE:1: holds a List with something that is not an object; only Nodes, ResourceSlices,"
          " ResourceClaims, ResourceClaimTemplates and DeviceClasses are read")),
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
        ("a: b: c", "FILE:1: is not valid YAML: mapping values are not allowed in this context"),
        ("[" * 100_000, "FILE:1: is not valid YAML: exceeded maximum nesting depth"),
        ('{"kind": "List", "items": {}}', "FILE:1: holds a List without items"),
        ('{"kind": "Node", "metadata": []}',
         "FILE: Node number 1 has a field metadata that is not a mapping"),
        ('{"kind": "Node", "metadata": {"name": ""}}', "FILE: Node number 1 has no metadata.name"),
        ('{"kind": "Node", "metadata": {"name": "a"}, "spec": 1}',
         "FILE: Node a has a field spec that is not a mapping"),
        ('{"kind": "Node", "metadata": {"name": "a"}, "status": {"conditions": ["Ready"]}}',
         "FILE: Node a has an entry that is not a mapping"),
        ('{"kind": "Node", "metadata": {"name": "a"}, "status": {"allocatable": [1]}}',
         "FILE: Node a has a field status.allocatable that is not a mapping"),
        ('{"kind": "Node", "metadata": {"name": "a"}, "status": {"allocatable": {"nvidia.com/gpu": 0.5}}}',
         ("FILE: Node a has an amount of nvidia.com/gpu that is not a whole number: '0.5'; devices cannot be"
          " divided")),
    ],
)  # fmt: skip
def test_a_file_of_something_else(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "nodes.json"
    file.write_text(text)
    with pytest.raises(DocumentError) as caught:
        read_nodes(file, None)
    assert str(caught.value).replace(str(file), "FILE") == message + HINT


def test_a_pod_that_is_malformed(tmp_path: Path) -> None:
    nodes = write(tmp_path / "nodes", node("a"))
    odd = pod("p", "a", {"gpu": 1})
    odd["spec"]["containers"][0]["resources"]["limits"][GPU] = "half"
    pods = write(tmp_path / "pods", pod("q", "a", {"gpu": 1}), odd)
    with pytest.raises(DocumentError) as caught:
        read_nodes(Path(nodes), Path(pods))
    assert str(caught.value) == (
        f"{pods}: Pod p has an amount of nvidia.com/gpu that is not a quantity: 'half'; write one like 1,"
        " 500m or 40Gi; expected the output of kubectl get pods -A -o json"
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="gone: No such file or directory; expected the output"):
        read_nodes(tmp_path / "gone", None)
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(DocumentError, match="bytes:1: is not valid YAML: it is not text in UTF-8; expected"):
        read_nodes(tmp_path / "bytes", None)


def test_an_object_that_is_in_a_file_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "nodes", node("a", offers={"gpu": 8}), node("b"), node("a", offers={"gpu": 8}))
    with pytest.raises(DocumentError, match=f"nodes: Node a is in the file twice{HINT}$"):
        read_nodes(Path(path), None)
    pods = write(tmp_path / "pods", pod("p", "b", {"gpu": 1}), pod("p", "b", {"gpu": 1}))
    nodes = write(tmp_path / "nodes", node("b", offers={"gpu": 8}))
    with pytest.raises(DocumentError, match="Pod p is in the file twice"):
        read_nodes(Path(nodes), Path(pods))
