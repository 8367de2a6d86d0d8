"""The instance types of clouds: the GPUs, the cpu and the memory under a name such as g6e.xlarge.

This is the only table from instance types to GPUs: :mod:`gfd.clusterview.cloud_names` reads it, too. It has
only names whose product is certain. vCPUs and memory are those that the clouds publish:
docs.aws.amazon.com/ec2/latest/instancetypes/ac.html, cloud.google.com/compute/docs/gpus (its GB are GiB) and
learn.microsoft.com/azure/virtual-machines/sizes/gpu-accelerated.

A second public text confirms p4d, p4de, p5.48xlarge, p6-b200, g4dn, g5, g6e.48xlarge and gr6 (Red Hat's list
of AWS types), p5en (torchx), a3-highgpu-8g (an older page of Google), Standard_NC40ads_H100_v5,
Standard_NC80adis_H100_v5, Standard_ND96isr_H100_v5 and all NVads_A10_v5 (the source of Microsoft's pages). No
second text was found for p5.4xlarge, p5e, g6, the other g6e, the other types of Google, NCas_T4_v3,
NCads_A100_v4, both ND A100 v4 and Standard_ND96isr_H200_v5.

The products are the names that NVML returns on these machines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_AWS, _GOOGLE, _AZURE = "Amazon EC2 (AWS)", "Google Compute Engine (GCP)", "Microsoft Azure"
_GOOGLE_DMI, _AZURE_DMI = "Google Compute Engine", "Virtual Machine"
"""The product names in DMI. On EC2 it is the instance type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFamily:
    """Instance types with the same GPU."""

    pattern: str
    """A regular expression that matches whole names; empty if a name alone does not tell the GPU."""
    product: str
    """The value of ``nvidia.com/gpu.product``."""
    cloud: str
    model: str = ""
    """The key in models.yaml; empty if gfd cannot simulate the family."""
    is_vgpu: bool = False
    sizes: Mapping[str, tuple[int, int, float]] = field(default_factory=dict)
    """Name -> number of GPUs, vCPUs, memory in GiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceType:
    """An instance type that gfd can simulate."""

    name: str
    family: InstanceFamily
    gpus: int
    cpus: int
    memory_gib: float

    @property
    def machine_type(self) -> str:
        """Return the product name in DMI."""
        dmi = {_GOOGLE: _GOOGLE_DMI, _AZURE: _AZURE_DMI}
        return dmi.get(self.family.cloud, self.name)

    @property
    def label(self) -> str:
        """Return the value of the label node.kubernetes.io/instance-type, without GPUs added to it."""
        return self.name.partition("+")[0]


_T4_BY_N1 = {
    f"n1-standard-{cpus}+{gpus}xT4": (gpus, cpus, cpus * 3.75)
    for gpus, most in ((1, 48), (2, 48), (4, 96))
    for cpus in (1, 2, 4, 8, 16, 32, 64, 96)
    if cpus <= most
}
"""GPUs are added to an n1 machine, so its own name does not tell them."""
_A100_40, _A100_80, _H100 = "NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-80GB", "NVIDIA-H100-80GB-HBM3"
_RTX_PRO_6000 = "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition"

FAMILIES = (
    InstanceFamily(cloud=_AWS, pattern=r"p3\..+", product="Tesla-V100-SXM2-16GB"),
    InstanceFamily(cloud=_AWS, pattern=r"p3dn\..+", product="Tesla-V100-SXM2-32GB"),
    InstanceFamily(cloud=_AWS, pattern=r"g5g\..+", product="NVIDIA-T4G"),
    InstanceFamily(cloud=_AWS, pattern=r"g7e\..+", product=_RTX_PRO_6000),
    InstanceFamily(
        cloud=_AWS, pattern=r"p4d\..+", product=_A100_40, model="a100-sxm4-40gb",
        sizes={"p4d.24xlarge": (8, 96, 1152)},
    ),
    InstanceFamily(
        cloud=_AWS, pattern=r"p4de\..+", product=_A100_80, model="a100-sxm4-80gb",
        sizes={"p4de.24xlarge": (8, 96, 1152)},
    ),
    InstanceFamily(
        cloud=_AWS, pattern=r"p5\..+", product=_H100, model="h100-sxm5-80gb",
        sizes={"p5.4xlarge": (1, 16, 256), "p5.48xlarge": (8, 192, 2048)},
    ),
    InstanceFamily(
        cloud=_AWS, pattern=r"p5en?\..+", product="NVIDIA-H200", model="h200-sxm5",
        sizes={"p5e.48xlarge": (8, 192, 2048), "p5en.48xlarge": (8, 192, 2048)},
    ),
    InstanceFamily(
        cloud=_AWS, pattern=r"p6-b200\..+", product="NVIDIA-B200", model="b200",
        sizes={"p6-b200.48xlarge": (8, 192, 2048)},
    ),
    InstanceFamily(
        cloud=_AWS, pattern=r"g4dn\..+", product="Tesla-T4", model="t4",
        sizes={
            "g4dn.xlarge": (1, 4, 16), "g4dn.2xlarge": (1, 8, 32), "g4dn.4xlarge": (1, 16, 64),
            "g4dn.8xlarge": (1, 32, 128), "g4dn.12xlarge": (4, 48, 192), "g4dn.16xlarge": (1, 64, 256),
            "g4dn.metal": (8, 96, 384),
        },
    ),
    InstanceFamily(
        cloud=_AWS, pattern=r"g5\..+", product="NVIDIA-A10G", model="a10g",
        sizes={
            "g5.xlarge": (1, 4, 16), "g5.2xlarge": (1, 8, 32), "g5.4xlarge": (1, 16, 64),
            "g5.8xlarge": (1, 32, 128), "g5.12xlarge": (4, 48, 192), "g5.16xlarge": (1, 64, 256),
            "g5.24xlarge": (4, 96, 384), "g5.48xlarge": (8, 192, 768),
        },
    ),
    InstanceFamily(
        cloud=_AWS, pattern=r"(g6|gr6)\..+", product="NVIDIA-L4", model="l4",
        sizes={
            "g6.xlarge": (1, 4, 16), "g6.2xlarge": (1, 8, 32), "g6.4xlarge": (1, 16, 64),
            "g6.8xlarge": (1, 32, 128), "g6.12xlarge": (4, 48, 192), "g6.16xlarge": (1, 64, 256),
            "g6.24xlarge": (4, 96, 384), "g6.48xlarge": (8, 192, 768),
            "gr6.4xlarge": (1, 16, 128), "gr6.8xlarge": (1, 32, 256),
        },
    ),
    InstanceFamily(
        cloud=_AWS, pattern=r"g6e\..+", product="NVIDIA-L40S", model="l40s",
        sizes={
            "g6e.xlarge": (1, 4, 32), "g6e.2xlarge": (1, 8, 64), "g6e.4xlarge": (1, 16, 128),
            "g6e.8xlarge": (1, 32, 256), "g6e.12xlarge": (4, 48, 384), "g6e.16xlarge": (1, 64, 512),
            "g6e.24xlarge": (4, 96, 768), "g6e.48xlarge": (8, 192, 1536),
        },
    ),
    InstanceFamily(cloud=_GOOGLE, pattern=r"g4-standard-.+", product=_RTX_PRO_6000),
    InstanceFamily(cloud=_GOOGLE, pattern=r"a3-edgegpu-.+", product=_H100),
    InstanceFamily(
        cloud=_GOOGLE, pattern=r"a2-(high|mega)gpu-.+", product=_A100_40, model="a100-sxm4-40gb",
        sizes={
            "a2-highgpu-1g": (1, 12, 85), "a2-highgpu-2g": (2, 24, 170), "a2-highgpu-4g": (4, 48, 340),
            "a2-highgpu-8g": (8, 96, 680), "a2-megagpu-16g": (16, 96, 1360),
        },
    ),
    InstanceFamily(
        cloud=_GOOGLE, pattern=r"a2-ultragpu-.+", product=_A100_80, model="a100-sxm4-80gb",
        sizes={
            "a2-ultragpu-1g": (1, 12, 170), "a2-ultragpu-2g": (2, 24, 340), "a2-ultragpu-4g": (4, 48, 680),
            "a2-ultragpu-8g": (8, 96, 1360),
        },
    ),
    InstanceFamily(
        cloud=_GOOGLE, pattern=r"a3-(high|mega)gpu-.+", product=_H100, model="h100-sxm5-80gb",
        sizes={
            "a3-highgpu-1g": (1, 26, 234), "a3-highgpu-2g": (2, 52, 468), "a3-highgpu-4g": (4, 104, 936),
            "a3-highgpu-8g": (8, 208, 1872), "a3-megagpu-8g": (8, 208, 1872),
        },
    ),
    InstanceFamily(
        cloud=_GOOGLE, pattern=r"a3-ultragpu-.+", product="NVIDIA-H200", model="h200-sxm5",
        sizes={"a3-ultragpu-8g": (8, 224, 2952)},
    ),
    InstanceFamily(
        cloud=_GOOGLE, pattern=r"a4-highgpu-.+", product="NVIDIA-B200", model="b200",
        sizes={"a4-highgpu-8g": (8, 224, 3968)},
    ),
    InstanceFamily(
        cloud=_GOOGLE, pattern=r"g2-standard-.+", product="NVIDIA-L4", model="l4",
        sizes={
            "g2-standard-4": (1, 4, 16), "g2-standard-8": (1, 8, 32), "g2-standard-12": (1, 12, 48),
            "g2-standard-16": (1, 16, 64), "g2-standard-24": (2, 24, 96), "g2-standard-32": (1, 32, 128),
            "g2-standard-48": (4, 48, 192), "g2-standard-96": (8, 96, 384),
        },
    ),
    InstanceFamily(cloud=_GOOGLE, pattern="", product="Tesla-T4", model="t4", sizes=_T4_BY_N1),
    InstanceFamily(cloud=_AZURE, pattern=r"Standard_NC[0-9]+r?s_v3", product="Tesla-V100-PCIE-16GB"),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_NC[0-9]+as_T4_v3", product="Tesla-T4", model="t4",
        sizes={
            "Standard_NC4as_T4_v3": (1, 4, 28), "Standard_NC8as_T4_v3": (1, 8, 56),
            "Standard_NC16as_T4_v3": (1, 16, 110), "Standard_NC64as_T4_v3": (4, 64, 440),
        },
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_NC[0-9]+ads_A100_v4", product="NVIDIA-A100-80GB-PCIe",
        model="a100-pcie-80gb",
        sizes={
            "Standard_NC24ads_A100_v4": (1, 24, 220), "Standard_NC48ads_A100_v4": (2, 48, 440),
            "Standard_NC96ads_A100_v4": (4, 96, 880),
        },
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_NC[0-9]+adi?s_H100_v5", product="NVIDIA-H100-NVL", model="h100-nvl",
        sizes={"Standard_NC40ads_H100_v5": (1, 40, 320), "Standard_NC80adis_H100_v5": (2, 80, 640)},
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_ND96asr_v4", product=_A100_40, model="a100-sxm4-40gb",
        sizes={"Standard_ND96asr_v4": (8, 96, 900)},
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_ND96amsr_A100_v4", product=_A100_80, model="a100-sxm4-80gb",
        sizes={"Standard_ND96amsr_A100_v4": (8, 96, 1900)},
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_ND96isr_H100_v5", product=_H100, model="h100-sxm5-80gb",
        sizes={"Standard_ND96isr_H100_v5": (8, 96, 1900)},
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_ND96isr_H200_v5", product="NVIDIA-H200", model="h200-sxm5",
        sizes={"Standard_ND96isr_H200_v5": (8, 96, 1850)},
    ),
    # A third, a half and so on of an A10 is a virtual GPU, and so is a whole one. The names were seen on
    # NV6ads and NV36ads; those of the sizes between follow NVIDIA's names of virtual GPUs.
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_NV6ads_A10_v5", product="NVIDIA-A10-4Q", model="a10-4q",
        is_vgpu=True, sizes={"Standard_NV6ads_A10_v5": (1, 6, 55)},
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_NV12ads_A10_v5", product="NVIDIA-A10-8Q", model="a10-8q",
        is_vgpu=True, sizes={"Standard_NV12ads_A10_v5": (1, 12, 110)},
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_NV18ads_A10_v5", product="NVIDIA-A10-12Q", model="a10-12q",
        is_vgpu=True, sizes={"Standard_NV18ads_A10_v5": (1, 18, 220)},
    ),
    InstanceFamily(
        cloud=_AZURE, pattern=r"Standard_NV(36adm?s|72ads)_A10_v5", product="NVIDIA-A10-24Q", model="a10-24q",
        is_vgpu=True,
        sizes={
            "Standard_NV36ads_A10_v5": (1, 36, 440), "Standard_NV36adms_A10_v5": (1, 36, 880),
            "Standard_NV72ads_A10_v5": (2, 72, 880),
        },
    ),
)  # fmt: skip


@cache
def list_instance_types() -> Mapping[str, InstanceType]:
    """Return the instance types that gfd can simulate, by name, in the order of the clouds and families."""
    return {
        name: InstanceType(name=name, family=family, gpus=gpus, cpus=cpus, memory_gib=memory_gib)
        for family in FAMILIES
        for name, (gpus, cpus, memory_gib) in family.sizes.items()
    }


@cache
def _compile_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(each.pattern), each.product) for each in FAMILIES if each.pattern)


@lru_cache(maxsize=1024)  # thousands of nodes have the same few types
def find_products(instance_type: str) -> tuple[str, ...]:
    """Return the product of the GPUs of an instance type; empty if it is not known, or it has none."""
    return tuple(product for pattern, product in _compile_patterns() if pattern.fullmatch(instance_type))
