"""Stand-in machines made from an inventory, and random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.inventory.model import (
    Engines,
    Fabric,
    FactFailure,
    FailedGpu,
    Gpu,
    Inventory,
    MigDevice,
    MigProfile,
    Placement,
)
from tests.standin import (
    from_inventory,
)
from tests.standin.random_machines import random_case

if TYPE_CHECKING:
    pass

from tests.standin.client import Client


def test_gfd_reads_the_inventory_that_the_machine_was_made_from(client: Client) -> None:
    engines = Engines(copy=3, decoder=3, encoder=0, jpeg=3, ofa=0)
    profile = MigProfile(
        name="3g.40gb",
        enum=2,
        id=9,
        slices=3,
        max_instances=2,
        memory_mib=40448,
        multiprocessors=60,
        engines=engines,
    )
    mig = MigDevice(
        index=3,
        uuid="MIG-3",
        gi_id=2,
        ci_id=1,
        placement=Placement(start=4, size=4),
        profile="2c.3g.40gb",
        gi_slices=3,
        ci_slices=2,
        memory_mib=40448,
        multiprocessors=40,
        engines=engines,
    )
    lost = FactFailure(fact="gpu", source="nvmlDeviceGetName", device="GPU 2", reason="GPU is lost", code=15)
    gpu = Gpu(
        index=1,
        uuid="GPU-1",
        name="NVIDIA H100 80GB HBM3",
        brand="NVIDIA RTX",
        architecture="Hopper",
        compute_capability=(9, 0),
        memory_bytes=85_520_809_984,
        pci_address="f00d:3b:00.0",
        pci_device_id=0x233010DE,
        pcie_generation=5,
        pcie_width=16,
        is_mig_capable=True,
        is_mig_enabled=True,
        fabric=Fabric(state=3, status=0, cluster_uuid="3f2504e0-4f89-11d3-9a0c-0305e82c3301", clique_id=4),
        profiles=(profile,),
        mig_devices=(mig,),
    )
    inventory = Inventory(
        driver_version="535.54",
        cuda_version=12020,
        gpus=(gpu,),
        failed_gpus=(FailedGpu(index=2, failure=lost),),
    )
    shown = client.run(
        from_inventory(inventory),
        """
from pathlib import Path
from gfd.probe.node import read
found = read(root=Path("/nowhere"))  # not what this machine's /sys shows
gpu, = found.gpus
show(repr(gpu._replace(failures=())))
show([repr(found.failed_gpus), found.driver_version, found.cuda_version])
""",
    )
    assert shown == [repr(gpu), [repr(inventory.failed_gpus), "535.54", 12020]]


def test_random_machines_are_the_same_for_the_same_seed() -> None:
    cases = [random_case(seed, with_mixed_models=seed % 2 == 0) for seed in range(200)]
    assert cases == [random_case(seed, with_mixed_models=seed % 2 == 0) for seed in range(200)]
    assert {case.strategy for case in cases} >= {"none", "single", "mixed"}
    assert {len(case.standin.gpus) for case in cases} >= {0, 1, 2, 8}
