"""What gfd template prints is read back, in each format, for every machine, strategy and sharing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gfd.errors import DocumentError
from gfd.tools.template.formats import FORMATS, kueue
from gfd.tools.template.model import NodeTemplate
from gfd.tools.template.saved_file import read_saved_template
from tests.tools.template.templates import list_templates

PRODUCT = {"nvidia.com/gpu.product": "Tesla-T4"}
T4 = NodeTemplate(name="t4", labels={**PRODUCT, "nvidia.com/gpu.count": "1"})
POOL = """\
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: %s}
spec: {template: {metadata: {labels: {nvidia.com/gpu.count: %s}}}}
"""


def read(tmp_path: Path, text: str) -> tuple[str, dict[str, str]]:
    path = tmp_path / "promised"
    path.write_text(text)
    saved = read_saved_template(path)
    return saved.format, dict(saved.labels)


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.has_labels])
def test_round_trip(name: str, tmp_path: Path) -> None:
    templates = [replace(each, is_selected=name != "kueue") for each in list_templates()]
    for template in {(*each.labels.items(), each.has_whole_gpus): each for each in templates}.values():
        expected = dict(template.labels)
        if name == "kueue":
            identity = [key for key in sorted(expected) if kueue._IDENTITY.fullmatch(key)]
            expected = {key: expected[key] for key in identity[: kueue.MAX_LABELS]}
        if not expected:  # a ResourceFlavor of a machine without GPUs
            continue
        assert read(tmp_path, FORMATS[name].write(template).text) == (name, expected)


def test_what_the_clouds_command_lines_print(tmp_path: Path) -> None:
    group = {"ResourceId": "asg", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
    start = "k8s.io/cluster-autoscaler/node-template"
    tags = [
        {**group, "Key": "owner", "Value": "team"},
        {**group, "Key": f"{start}/label/nvidia.com/gpu.product", "Value": "Tesla-T4"},
        {**group, "Key": f"{start}/resources/nvidia.com/gpu", "Value": "1"},
    ]
    assert read(tmp_path, json.dumps({"Tags": tags})) == ("cluster-autoscaler-aws", PRODUCT)
    azure = {
        "owner": "team",
        "k8s.io_cluster-autoscaler_node-template_label_nvidia.com_gpu.product": "Tesla-T4",
        "k8s.io_cluster-autoscaler_node-template_taint_a_b": "c:NoSchedule",
    }
    assert read(tmp_path, json.dumps(azure)) == ("cluster-autoscaler-azure", PRODUCT)


def test_objects_of_the_cluster(tmp_path: Path) -> None:
    annotations = {"capacity.cluster-autoscaler.kubernetes.io/labels": "nvidia.com/gpu.product=Tesla-T4"}
    assert read(tmp_path, json.dumps(annotations)) == ("cluster-api", PRODUCT)
    deployment = {"kind": "MachineDeployment", "metadata": {"name": "a", "annotations": annotations}}
    listed = {"apiVersion": "v1", "kind": "List", "items": [deployment]}
    assert read(tmp_path, json.dumps(listed)) == ("cluster-api", PRODUCT)
    labels = {**PRODUCT, "kubernetes.io/hostname": "a", "nvidia.com/gpu.present": "true"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "labels": labels}}
    assert read(tmp_path, json.dumps(node)) == ("node", PRODUCT)


@pytest.mark.parametrize(
    "text",
    [
        "--node-labels nvidia.com/gpu.product=Tesla-T4 --v=2",
        '# from gfd\nKUBELET_EXTRA_ARGS="--v=2 --node-labels=nvidia.com/gpu.product=Tesla-T4"',
        "[Service]\nExecStart=/usr/bin/kubelet '--node-labels=nvidia.com/gpu.product=Tesla-T4'",
    ],
)
def test_flags_of_the_kubelet(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == ("kubelet", PRODUCT)


def test_comments_and_empty_lines_among_labels(tmp_path: Path) -> None:
    text = "# from gfd template: t4\n\nnvidia.com/gpu.product=Tesla-T4\nexample.com/empty=\n"
    assert read(tmp_path, text) == ("labels", {**PRODUCT, "example.com/empty": ""})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": has no labels of a node to compare with; print them with gfd template -o labels, node, "),
        (
            "apiVersion: v1\nkind: Pod\n",
            ": holds a Pod, which has no labels of a node to compare with; print them with gfd template",
        ),
        (
            "apiVersion: resource.k8s.io/v1\nkind: ResourceSlice\n",
            ": holds a ResourceSlice, which has no labels of a node to compare with; print them with gfd",
        ),
        ("hello world", ": has no labels of a node to compare with; print them with gfd template"),
        ("a=b\nhello\n", ":2: 'hello' is no label; write it as key=value"),
        ("a=b\n=c\n", ":2: '=c' is no label; write it as key=value"),
        ("a=b\na=c\n", ":2: a is there twice, as 'b' and 'c'; remove one"),
        ("a: [", ":1: is not valid YAML"),
        (
            POOL % ("a", 8),
            ":4: spec.template.metadata.labels[nvidia.com/gpu.count]: expected a string",
        ),
        ("kind: NodePool\nmetadata: {name: a}\n", ": NodePool a has no labels to compare with; print them"),
        ("kind: NodePool\nspec: 1\n", ":2: spec: expected a mapping, found the number 1"),
        (
            "---\n".join(POOL % (name, "'8'") for name in "ab"),
            ": holds the labels of NodePool a and NodePool b; keep only one in the file",
        ),
        (
            json.dumps(
                [
                    {
                        "ResourceId": group,
                        "Key": "k8s.io/cluster-autoscaler/node-template/label/a",
                        "Value": "b",
                    }
                    for group in "xy"
                ]
            ),
            ": holds the labels of Auto Scaling group x and Auto Scaling group y; keep only one in the file",
        ),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/promised{message}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="No such file or directory; write one with gfd template"):
        read_saved_template(tmp_path / "gone")
    (tmp_path / "binary").write_bytes(b"a=b\n\xff\xfe\x00")
    with pytest.raises(DocumentError, match="binary:2: is not text in UTF-8; expected a file that gfd t"):
        read_saved_template(tmp_path / "binary")
    with pytest.raises(DocumentError, match=r"promised:1: is not valid YAML: .*; expected a file that gfd t"):
        read(tmp_path, "a: [")
