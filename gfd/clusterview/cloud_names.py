"""The names that clouds give to NVIDIA's GPUs, and the values of ``gpu.product`` on the same nodes.

The table has only names whose product is certain. Sources: the accelerator types in GKE's documentation
(cloud.google.com/kubernetes-engine/docs/how-to/gpus), karpenter's list of instance types
(karpenter.sh/docs/reference/instance-types), and for the products the names that NVML returns on these
machines. :mod:`gfd.simulation.instance_types` has the instance types.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gfd.simulation import instance_types

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.labels.syntax import Labels

_A100_40, _A100_80 = "NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-80GB"
_H100, _H200, _B200 = "NVIDIA-H100-80GB-HBM3", "NVIDIA-H200", "NVIDIA-B200"
_L4, _L40S, _T4, _A10G = "NVIDIA-L4", "NVIDIA-L40S", "Tesla-T4", "NVIDIA-A10G"
_V100_16, _V100_32 = "Tesla-V100-SXM2-16GB", "Tesla-V100-SXM2-32GB"
_RTX_PRO_6000 = "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition"

_GKE: Mapping[str, tuple[str, ...]] = {
    "nvidia-tesla-k80": ("Tesla-K80",),
    "nvidia-tesla-p4": ("Tesla-P4",),
    "nvidia-tesla-p100": ("Tesla-P100-PCIE-16GB",),
    "nvidia-tesla-v100": (_V100_16,),
    "nvidia-tesla-t4": (_T4,),
    "nvidia-tesla-a100": (_A100_40,),
    "nvidia-a100-80gb": (_A100_80,),
    "nvidia-l4": (_L4,),
    "nvidia-h100-80gb": (_H100,),
    "nvidia-h100-mega-80gb": (_H100,),
    "nvidia-h200-141gb": (_H200,),
    "nvidia-b200": (_B200,),
    "nvidia-rtx-pro-6000": (_RTX_PRO_6000,),
}
_KARPENTER: Mapping[str, tuple[str, ...]] = {
    "k80": ("Tesla-K80",),
    "m60": ("Tesla-M60",),
    "v100": (_V100_16, _V100_32),
    "t4": (_T4,),
    "t4g": ("NVIDIA-T4G",),
    "a10g": (_A10G,),
    "a100": (_A100_40, _A100_80),
    "l4": (_L4,),
    "l40s": (_L40S,),
    "h100": (_H100,),
    "h200": (_H200,),
    "b200": (_B200,),
    "rtx-pro-server-6000": (_RTX_PRO_6000,),
}
_AUTOSCALER_ON_AWS: Mapping[str, tuple[str, ...]] = {
    "nvidia-tesla-k80": ("Tesla-K80",),
    "nvidia-tesla-m60": ("Tesla-M60",),
    "nvidia-tesla-v100": (_V100_16, _V100_32),
    "nvidia-tesla-t4": (_T4,),
    "nvidia-tesla-a100": (_A100_40, _A100_80),
    "nvidia-a10g": (_A10G,),
    "nvidia-l4": (_L4,),
    "nvidia-l40s": (_L40S,),
    "nvidia-h100": (_H100,),
    "nvidia-h200": (_H200,),
}
_KARPENTER_ON_AZURE: Mapping[str, tuple[str, ...]] = {
    "T4": (_T4,),
    "A100": (_A100_40, _A100_80, "NVIDIA-A100-80GB-PCIe"),
    "H100": (_H100, "NVIDIA-H100-NVL"),
    "H200": (_H200,),
}
_BY_LABEL: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cloud.google.com/gke-accelerator": _GKE,
    "karpenter.k8s.aws/instance-gpu-name": _KARPENTER,
    "eks.amazonaws.com/instance-gpu-name": _KARPENTER,
    "karpenter.azure.com/sku-gpu-name": _KARPENTER_ON_AZURE,
    "k8s.amazonaws.com/accelerator": _AUTOSCALER_ON_AWS,
}
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
_INSTANCE_TYPE_LABELS = (INSTANCE_TYPE, "beta.kubernetes.io/instance-type")
_VENDOR_LABELS = (
    "accelerator",
    "eks.amazonaws.com/instance-gpu-manufacturer",
    "karpenter.azure.com/sku-gpu-manufacturer",
    "karpenter.k8s.aws/instance-gpu-manufacturer",
    "kubernetes.azure.com/accelerator",
)
COUNT_LABELS = (
    "cloud.google.com/gke-accelerator-count",
    "eks.amazonaws.com/instance-gpu-count",
    "karpenter.azure.com/sku-gpu-count",
    "karpenter.k8s.aws/instance-gpu-count",
)
"""Clouds' labels that count the GPUs of a node, as ``nvidia.com/gpu.count`` does without MIG and sharing."""


@lru_cache(maxsize=1024)  # thousands of nodes have the same few values
def find_products(key: str, value: str) -> tuple[str, ...]:
    """Return the products that the GPUs of a node with this cloud's label may have; empty if unknown."""
    if key in _INSTANCE_TYPE_LABELS:
        return instance_types.find_products(value)
    return _BY_LABEL.get(key, {}).get(value, ())


def find_products_by_name(name: str) -> tuple[str, ...]:
    """Return the products that a cloud's name of a GPU or an instance type stands for; empty if unknown.

    A name such as ``nvidia-tesla-a100`` stands for different products in different clouds.
    """
    keys = (*_BY_LABEL, _INSTANCE_TYPE_LABELS[0])
    return tuple(dict.fromkeys(product for key in keys for product in find_products(key, name)))


def find_cloud_name(labels: Labels) -> str:
    """Return the name that the cloud gives to the GPUs of a node: ``nvidia-h100-80gb``; empty if unknown.

    Without a label for the GPU this is the instance type, if its GPU is known.
    """
    names = [labels[key] for key in _BY_LABEL if labels.get(key)]
    types = [labels[key] for key in _INSTANCE_TYPE_LABELS if find_products(key, labels.get(key, ""))]
    return next(iter(names + types), "")


def says_nvidia(key: str, value: str) -> bool:
    """Return whether a cloud's label says that a node has GPUs of NVIDIA, but not which."""
    return key in _VENDOR_LABELS and value.lower() == "nvidia"
