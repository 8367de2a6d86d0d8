"""Small inventories for tests: every argument overrides a field."""

from __future__ import annotations

from typing import Any

from gfd.inventory.model import Engines, Fabric, FactFailure, Gpu, Inventory, MigDevice, Vgpu

ENGINES = Engines(copy=1, decoder=0, encoder=0, jpeg=0, ofa=0)
CLUSTER = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


def failure(fact: str, device: str = "GPU 0") -> FactFailure:
    return FactFailure(fact=fact, source="nvmlSomething", device=device, reason="GPU is lost", code=15)


def mig(index: int = 0, **fields: Any) -> MigDevice:
    """A 1g.5gb of an A100 40 GB."""
    return MigDevice(
        **{
            "index": index,
            "profile": "1g.5gb",
            "gi_slices": 1,
            "ci_slices": 1,
            "memory_mib": 4864,
            "multiprocessors": 14,
            "engines": ENGINES,
            **fields,
        }
    )


def gpu(index: int = 0, **fields: Any) -> Gpu:
    """An A100 40 GB with MIG off; its PCI address depends on its index."""
    return Gpu(
        **{
            "index": index,
            "name": "A100-PCIE-40GB",
            "compute_capability": (8, 0),
            "memory_bytes": 42_505_273_344,
            "pci_address": f"0000:{index:02x}:00.0",
            "pci_class": 0x0302,
            "is_mig_capable": True,
            **fields,
        }
    )


def mig_gpu(index: int = 0, count: int = 7, **fields: Any) -> Gpu:
    """An A100 40 GB with ``count`` MIG devices of 1g.5gb."""
    return gpu(
        index, **{"is_mig_enabled": True, "mig_devices": tuple(mig(i) for i in range(count)), **fields}
    )


def inventory(*gpus: Gpu, **fields: Any) -> Inventory:
    return Inventory(
        **{
            "driver_version": "460.73.01",
            "cuda_version": 11020,
            "gpus": gpus,
            "machine_type": "SYS-1019GP-TT-02-NC24B",
            "vgpu": Vgpu(is_present=False),
            **fields,
        }
    )


def fabric(**fields: Any) -> Fabric:
    """A completed registration."""
    return Fabric(**{"state": 3, "status": 0, "cluster_uuid": CLUSTER, "clique_id": 7, **fields})
