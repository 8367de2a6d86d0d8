"""A cluster in files, with all kinds of nodes."""

from __future__ import annotations

from pathlib import Path

from tests.tools.make import Object, gpu_labels, node, pod, write

A100, H100 = "NVIDIA-A100-PCIE-40GB", "NVIDIA-H100-80GB-HBM3"
GPU = "nvidia.com/gpu"
SHARED = {"gpu_replicas": "4", "gpu_sharing__strategy": "time-slicing"}
"""The labels of a GPU that four pods share, for gpu_labels."""


def cluster(tmp_path: Path, *more: Object) -> tuple[str, ...]:
    """Return the options that name the files of a cluster with all kinds of nodes."""
    older = {
        f"cuda_driver__version_{name}": text
        for name, text in (("major", "460"), ("minor", "73"), ("revision", "01"))
    }
    mixed = {
        f"nvidia.com/mig-1g.5gb.{name}": text
        for name, text in (
            ("count", "7"),
            ("memory", "4864"),
            ("product", f"{A100}-MIG-1g.5gb"),
            ("sharing-strategy", "none"),
        )
    }
    h100 = gpu_labels(H100, 8, gpu_memory="81559", gpu_compute_major="9")
    own, other = ({"key": key, "value": "x", "effect": "NoSchedule"} for key in (GPU, "dedicated"))
    nodes = write(
        tmp_path / "nodes.json",
        node("a1", gpu_labels(A100, 2, gpu_memory="40536"), {"gpu": 2}),
        node("a2", gpu_labels("A100-PCIE-40GB", 2, gpu_memory="40536", **older), {"gpu": 2}),
        node("h1", h100, {"gpu": 8}, taints=[own]),
        node("h2", h100, {"gpu": 8}, taints=[own, other]),
        node(
            "s1",
            gpu_labels(f"{A100}-MIG-1g.5gb", 7, gpu_memory="4864", gpu_slices_gi="1", mig_strategy="single"),
            {"gpu": 7},
        ),
        node(
            "m1",
            gpu_labels(A100, 1, gpu_memory="40536", mig_strategy="mixed") | mixed,
            {"gpu": 0, "mig-1g.5gb": 7},
        ),
        node("l1", gpu_labels("NVIDIA-L40S", 4, gpu_memory="46068", gpu_compute_minor="9"), {"gpu": 4}),
        node(
            "t1",
            gpu_labels("Tesla-T4-SHARED", 1, gpu_memory="15360", gpu_compute_major="7", **SHARED),
            {"gpu": 4},
        ),
        node("plain"),
        *more,
    )
    pods = write(tmp_path / "pods.json", pod("1", "a1", {"gpu": 2}), pod("2", "s1", {"gpu": 3}))
    return "--nodes", nodes, "--pods", pods
