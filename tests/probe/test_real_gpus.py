"""Compare snapshots of real GPUs with the simulated machines of the same model.

Taken with ``gfd snapshot`` in virtual machines (driver 580.159.04, MIG off); UUIDs are replaced. The power
limits were read on such machines later.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.inventory import snapshot
from gfd.inventory.model import Gpu, Inventory
from gfd.labels.resources import resolve
from gfd.labels.templates import Templates
from gfd.simulation import machines

FIXTURES = Path(__file__).parent.parent / "fixtures"


def real(name: str) -> Inventory:
    return snapshot.parse_inventory((FIXTURES / f"{name}.yaml").read_text(), name)


def without_place(gpu: Gpu) -> Gpu:
    """Return the facts that depend on the model, not on the machine around the GPU."""
    return gpu._replace(uuid=None, pci_address=None, pcie_root=None, numa_node=None, fabric=None, failures=())


@pytest.mark.parametrize("name", ["h100", "h200"])
def test_a_simulated_gpu_equals_the_real_one(name: str) -> None:
    (expected,) = real(name).gpus
    (simulated,) = machines.read(name).gpus
    assert without_place(simulated) == without_place(expected)


@pytest.mark.parametrize(
    ("name", "product", "memory"),
    [("h100", "NVIDIA-H100-80GB-HBM3", "81559"), ("h200", "NVIDIA-H200", "143771")],
)
def test_the_labels_of_a_real_gpu(name: str, product: str, memory: str) -> None:
    inventory = real(name)
    labels = Templates().render(resolve(inventory, mig_strategy="none"), inventory)
    # As NVIDIA's gpu-feature-discovery 0.20 printed them on the same machine.
    assert {key.removeprefix("nvidia.com/"): value for key, value in labels.items()} == {
        "cuda.driver-version.full": "580.159.04",
        "cuda.driver-version.major": "580",
        "cuda.driver-version.minor": "159",
        "cuda.driver-version.revision": "04",
        "cuda.driver.major": "580",
        "cuda.driver.minor": "159",
        "cuda.driver.rev": "04",
        "cuda.runtime-version.full": "13.0",
        "cuda.runtime-version.major": "13",
        "cuda.runtime-version.minor": "0",
        "cuda.runtime.major": "13",
        "cuda.runtime.minor": "0",
        "gpu.compute.major": "9",
        "gpu.compute.minor": "0",
        "gpu.count": "1",
        "gpu.family": "hopper",
        "gpu.machine": "unknown",
        "gpu.memory": memory,
        "gpu.mode": "compute",
        "gpu.product": product,
        "gpu.replicas": "1",
        "gpu.sharing-strategy": "none",
        "mig.capable": "true",
        "mps.capable": "false",
        "vgpu.present": "false",
    }
