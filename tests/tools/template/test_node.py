"""The Node of a template: labels, resources of MIG strategy and sharing, taints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli import Gfd
from tests.tools.make import gpu_labels, node, write

pytestmark = pytest.mark.whole

MIG = ("--simulate", "dgx-h100", "--mig", "all-1g.10gb")
SHARED = """
version: v1
sharing:
  timeSlicing:
    renameByDefault: {renamed}
    resources: [{{name: nvidia.com/gpu, replicas: 4}}, {{name: nvidia.com/mig-1g.10gb, replicas: 2}}]
"""


def read(gfd: Gfd, *words: str) -> dict[str, Any]:
    code, out, err = gfd("template", "-o", "node", *words)
    assert (code, err) == (0, "")
    found: dict[str, Any] = yaml.safe_load(out)
    return found


@pytest.mark.parametrize(
    ("words", "shared", "devices"),
    [
        (("--simulate", "dgx-h100"), "", {"gpu": 8}),
        (MIG, "", {"gpu": 8}),
        ((*MIG, "--mig-strategy", "single"), "", {"gpu": 56}),
        ((*MIG, "--mig-strategy", "mixed"), "", {"mig-1g.10gb": 56}),
        (("--simulate", "dgx-h100"), "false", {"gpu": 32}),
        (("--simulate", "dgx-h100"), "true", {"gpu.shared": 32}),
        ((*MIG, "--mig-strategy", "mixed"), "true", {"mig-1g.10gb.shared": 112}),
        (("--simulate", "no-gpu"), "", {}),
    ],
)
def test_devices(
    gfd: Gfd, tmp_path: Path, words: tuple[str, ...], shared: str, devices: dict[str, int]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(SHARED.format(renamed=shared) if shared else "version: v1\n")
    status = read(gfd, *words, "--config-file", str(config))["status"]
    expected = {**{f"nvidia.com/{name}": str(count) for name, count in devices.items()}, "pods": "110"}
    assert status == {"capacity": expected, "allocatable": expected}


def test_a_whole_node(gfd: Gfd) -> None:
    words = ("--name", "gpu-1", "--taint", "nvidia.com/gpu=present:NoSchedule,spot:NoExecute")
    found = read(gfd, "--simulate", "t4", *words, "--resource", "cpu=4", "--resource", "memory=16Gi,pods=29")
    assert found["metadata"]["name"] == "gpu-1"
    assert found["metadata"]["labels"]["kubernetes.io/hostname"] == "gpu-1"
    assert found["metadata"]["labels"]["nvidia.com/gpu.product"] == "Tesla-T4"
    assert found["spec"]["taints"] == [
        {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
        {"key": "spot", "effect": "NoExecute"},
    ]
    assert found["status"]["allocatable"] == {
        "cpu": "4",
        "memory": "16Gi",
        "nvidia.com/gpu": "1",
        "pods": "29",
    }


@pytest.mark.parametrize(
    ("name", "instance_type", "size"),
    [
        ("P5.48xlarge", "p5.48xlarge", {"cpu": "192", "memory": "2097152Mi", "nvidia.com/gpu": "8"}),
        (
            "n1-standard-1+2xT4",
            "n1-standard-1",
            {"cpu": "1", "memory": "3840Mi", "nvidia.com/gpu": "2"},
        ),
    ],
)
def test_an_instance_type_has_cpu_and_memory(
    gfd: Gfd, name: str, instance_type: str, size: dict[str, str]
) -> None:
    found = read(gfd, "--simulate", name)
    assert found["metadata"]["name"] == name.lower().replace("+", "-")
    assert found["metadata"]["labels"]["node.kubernetes.io/instance-type"] == instance_type
    assert found["status"]["allocatable"] == {**size, "pods": "110"}
    assert read(gfd, "--simulate", name, "--resource", "cpu=7")["status"]["allocatable"]["cpu"] == "7"


def test_the_name_of_a_machine_file(gfd: Gfd, tmp_path: Path) -> None:
    file = tmp_path / "My_Machine.yaml"
    file.write_text(
        "description: mine\ndriver_version: 580.95.05\ncuda_version: '13.0'\ngpus:\n"
        "  - {model: t4, pci_address: '0000:00:1e.0'}\n"
    )
    assert read(gfd, "--simulate", str(file))["metadata"]["name"] == "my-machine"


def running() -> dict[str, Any]:
    labelled = gpu_labels(gpu_clique="c.1", gpu_present="true")
    return node(
        "gpu-1",
        {**labelled, "node.kubernetes.io/instance-type": "p4d.24xlarge"},
        {"gpu": 8},
        allocatable={"gpu": 7},
        taints=[
            {"key": "gpu", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
        ],
    )


def test_a_running_node_is_a_template_for_nodes_like_it(gfd: Gfd, tmp_path: Path) -> None:
    path = write(tmp_path / "nodes.json", running(), node("cpu"))
    found = read(gfd, "--node", "gpu-1", "--nodes", path, "--name", "gpu-2")
    own = {
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": "gpu-2",
        "node.kubernetes.io/instance-type": "p4d.24xlarge",
    }
    expected = {key: value for key, value in gpu_labels().items() if key != "nvidia.com/gfd.timestamp"}
    assert found["metadata"] == {"name": "gpu-2", "labels": {**expected, **own}}
    assert found["spec"]["taints"] == [{"key": "gpu", "effect": "NoSchedule"}]
    # A device of this one is broken, but a new node has all of them.
    common = {"cpu": "8", "memory": "32Gi", "pods": "110", "nvidia.com/gpu": "8"}
    assert found["status"] == {"capacity": common, "allocatable": common}


def test_instance_type_and_sharing_of_a_running_node(gfd: Gfd, tmp_path: Path) -> None:
    path = write(tmp_path / "nodes.json", running())
    code, out, err = gfd("template", "--node", "gpu-1", "--nodes", path, "-o", "karpenter")
    assert (code, err) == (0, "")
    (pool,) = yaml.safe_load_all(out)
    assert pool["spec"]["template"]["spec"]["requirements"][0]["values"] == ["p4d.24xlarge"]
    for name in ("gpu_replicas", "gpu_slices_gi"):
        other = running()
        other["metadata"]["labels"] |= {f"nvidia.com/{name.replace('_', '.')}": "4"}
        path = write(tmp_path / "nodes.json", other)
        _, out, _ = gfd("template", "--node", "gpu-1", "--nodes", path, "-o", "karpenter")
        _, overlay = yaml.safe_load_all(out)
        assert overlay["spec"]["capacity"] == {"nvidia.com/gpu": "8"}


def test_one_label(gfd: Gfd) -> None:
    words = ("template", "--simulate", "t4", "--label", "gpu.product", "--label", "nvidia.com/gpu.memory")
    assert gfd(*words) == (0, "nvidia.com/gpu.memory=15360\nnvidia.com/gpu.product=Tesla-T4\n", "")


def test_warnings_go_to_standard_error(gfd: Gfd) -> None:
    code, out, err = gfd("template", "--simulate", "t4", "-o", "cluster-api")
    assert (code, yaml.safe_load(out).keys()) == (0, {"metadata"})
    assert err.startswith("gfd: warning: without cpu and memory the group does not scale from zero")


@pytest.mark.parametrize("words", [(*MIG, "--mig-strategy", "mixed"), ("--simulate", "t4")])
def test_match_reads_the_node(gfd: Gfd, tmp_path: Path, words: tuple[str, ...]) -> None:
    template, pod = tmp_path / "node.yaml", tmp_path / "pod.yaml"
    template.write_text(gfd("template", "-o", "node", *words)[1])
    resource = "nvidia.com/mig-1g.10gb" if "mixed" in words else "nvidia.com/gpu"
    product = yaml.safe_load(template.read_text())["metadata"]["labels"]["nvidia.com/gpu.product"]
    spec = {
        "nodeSelector": {"nvidia.com/gpu.product": product},
        "containers": [{"name": "c", "image": "i", "resources": {"limits": {resource: 1}}}],
    }
    pod.write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    )
    nothing = write(tmp_path / "pods.json")
    assert gfd("match", str(pod), "--nodes", str(template), "--pods", nothing)[0] == 0
