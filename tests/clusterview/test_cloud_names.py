"""The names of clouds; the instance types and names of Amazon are those of karpenter's own list."""

from __future__ import annotations

import pytest

from gfd.clusterview.cloud_names import (
    find_cloud_name,
    find_products,
    find_products_by_name,
    says_nvidia,
)

GKE = "cloud.google.com/gke-accelerator"
KARPENTER = "karpenter.k8s.aws/instance-gpu-name"
TYPE = "node.kubernetes.io/instance-type"
H100 = "NVIDIA-H100-80GB-HBM3"


@pytest.mark.parametrize(
    ("key", "value", "products"),
    [
        (GKE, "nvidia-h100-80gb", (H100,)),
        (GKE, "nvidia-h100-mega-80gb", (H100,)),
        (GKE, "nvidia-tesla-a100", ("NVIDIA-A100-SXM4-40GB",)),
        (GKE, "nvidia-tesla-t4", ("Tesla-T4",)),
        (GKE, "tpu-v5-lite-podslice", ()),
        (KARPENTER, "h100", (H100,)),
        (KARPENTER, "a100", ("NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-80GB")),
        ("eks.amazonaws.com/instance-gpu-name", "l4", ("NVIDIA-L4",)),
        ("k8s.amazonaws.com/accelerator", "nvidia-tesla-t4", ("Tesla-T4",)),
        (TYPE, "p5.48xlarge", (H100,)),
        (TYPE, "p5en.48xlarge", ("NVIDIA-H200",)),
        (TYPE, "p4d.24xlarge", ("NVIDIA-A100-SXM4-40GB",)),
        (TYPE, "g4ad.xlarge", ()),
        (TYPE, "g6f.xlarge", ()),
        (TYPE, "m5.large", ()),
        (TYPE, "a3-ultragpu-8g", ("NVIDIA-H200",)),
        (TYPE, "Standard_NC24ads_A100_v4", ("NVIDIA-A100-80GB-PCIe",)),
        (TYPE, "Standard_NC6s_v3", ("Tesla-V100-PCIE-16GB",)),
        ("zone", "p5.48xlarge", ()),
    ],
)
def test_products_of_a_label(key: str, value: str, products: tuple[str, ...]) -> None:
    assert find_products(key, value) == products


def test_products_of_a_name() -> None:
    assert find_products_by_name("nvidia-h100-80gb") == (H100,)
    assert find_products_by_name("p5.48xlarge") == (H100,)
    assert find_products_by_name("nvidia-tesla-a100") == ("NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-80GB")
    assert find_products_by_name(H100) == ()


def test_the_name_of_a_node() -> None:
    assert find_cloud_name({GKE: "nvidia-l4", TYPE: "g2-standard-8"}) == "nvidia-l4"
    assert find_cloud_name({TYPE: "g2-standard-8"}) == "g2-standard-8"
    assert find_cloud_name({GKE: "nvidia-new", TYPE: "n1"}) == "nvidia-new"
    assert find_cloud_name({TYPE: "m5.large"}) == ""
    assert find_cloud_name({}) == ""


def test_labels_that_name_only_the_vendor() -> None:
    assert says_nvidia("kubernetes.azure.com/accelerator", "nvidia")
    assert says_nvidia("accelerator", "nvidia")
    assert not says_nvidia("karpenter.k8s.aws/instance-gpu-manufacturer", "amd")
    assert not says_nvidia(GKE, "nvidia")
