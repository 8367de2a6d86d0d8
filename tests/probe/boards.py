"""GPUs as the stand-in plays them, and the inventory that gfd must read from them."""

from __future__ import annotations

from dataclasses import replace

from gfd.inventory.model import Engines, Fabric, Gpu, Inventory, MigDevice, MigProfile, Placement, Vgpu
from tests.standin import Standin, StandinGpu, StandinMig, StandinProfile

CLUSTER = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
H100_BYTES = 85_520_809_984
ALL_ENGINES = Engines(copy=8, decoder=7, encoder=0, jpeg=7, ofa=1)
THREE_ENGINES = Engines(copy=3, decoder=3, encoder=0, jpeg=3, ofa=0)

H100_STANDIN = StandinGpu(
    name="NVIDIA H100 80GB HBM3",
    uuid="GPU-0",
    brand=14,
    architecture=9,
    cc_major=9,
    cc_minor=0,
    memory=H100_BYTES,
    pci="00000000:1B:00.0",
    pci_device_id=0x233010DE,
    pcie_generation=5,
    pcie_width=16,
    power_limit=650_000,
    power_default=700_000,
    nvlinks=18,
    nvlinks_active=17,
    nvlink_peers=0b11,
    mig=True,
    max_mig=7,
    fabric_state=3,
    fabric_status=0,
    fabric_cluster=CLUSTER.replace("-", ""),
    fabric_clique=7,
    profiles=(
        StandinProfile(
            enum=2, id=9, slices=3, max=2, memory_mib=40448, sm=60, copy=3, decoder=3, jpeg=3, ofa=0
        ),
        StandinProfile(
            enum=4, id=0, slices=7, max=1, memory_mib=81152, sm=132, copy=8, decoder=7, jpeg=7, ofa=1
        ),
    ),
    migs=(
        StandinMig(
            index=2,
            uuid="MIG-0",
            gi=1,
            ci=0,
            gi_profile=9,
            ci_enum=0,
            start=4,
            size=4,
            gi_slices=3,
            ci_slices=1,
            memory_mib=40448,
            sm=16,
            copy=3,
            decoder=3,
            encoder=0,
            jpeg=3,
            ofa=0,
        ),
    ),
)
H100 = Gpu(
    index=0,
    uuid="GPU-0",
    name="NVIDIA H100 80GB HBM3",
    brand="NVIDIA",
    architecture="Hopper",
    compute_capability=(9, 0),
    memory_bytes=H100_BYTES,
    pci_address="0000:1b:00.0",
    pci_device_id=0x233010DE,
    pci_class=0x0302,
    pcie_generation=5,
    pcie_width=16,
    numa_node=1,
    pcie_root="pci0000:1a",
    power_limit_mw=650_000,
    power_default_limit_mw=700_000,
    nvlink_links=17,
    is_mig_capable=True,
    is_mig_enabled=True,
    fabric=Fabric(state=3, status=0, cluster_uuid=CLUSTER, clique_id=7),
    multiprocessors=132,
    engines=ALL_ENGINES,
    profiles=(
        MigProfile(
            name="3g.40gb",
            enum=2,
            id=9,
            slices=3,
            max_instances=2,
            memory_mib=40448,
            multiprocessors=60,
            engines=THREE_ENGINES,
        ),
        MigProfile(
            name="7g.80gb",
            enum=4,
            id=0,
            slices=7,
            max_instances=1,
            memory_mib=81152,
            multiprocessors=132,
            engines=ALL_ENGINES,
        ),
    ),
    mig_devices=(
        MigDevice(
            index=2,
            uuid="MIG-0",
            gi_id=1,
            ci_id=0,
            placement=Placement(start=4, size=4),
            profile="1c.3g.40gb",
            gi_slices=3,
            ci_slices=1,
            memory_mib=40448,
            multiprocessors=16,
            engines=THREE_ENGINES,
        ),
    ),
)
PAIR_STANDIN = Standin(
    gpus=(
        H100_STANDIN,
        replace(
            H100_STANDIN,
            uuid="GPU-1",
            pci="00000000:43:00.0",
            migs=(replace(H100_STANDIN.migs[0], uuid="MIG-1"),),
        ),
    )
)
NO_VGPU = Vgpu(is_present=False)
NODE = Inventory(driver_version="580.159.04", cuda_version=13000, vgpu=NO_VGPU)
PAIR = (
    H100._replace(nvlink_peers=(1,)),
    H100._replace(
        index=1,
        nvlink_peers=(0,),
        uuid="GPU-1",
        pci_address="0000:43:00.0",
        pcie_root="pci0000:42",
        mig_devices=tuple(device._replace(uuid="MIG-1") for device in H100.mig_devices or ()),
    ),
)


T4_STANDIN = StandinGpu(
    name="Tesla T4",
    uuid="GPU-4",
    brand=2,
    architecture=6,
    cc_major=7,
    cc_minor=5,
    memory=16_106_127_360,
    pci="00000000:00:1E.0",
    pci_device_id=0x1EB810DE,
    pcie_generation=3,
    pcie_width=8,
)
T4 = Gpu(
    index=0,
    uuid="GPU-4",
    name="Tesla T4",
    brand="Tesla",
    architecture="Turing",
    compute_capability=(7, 5),
    memory_bytes=16_106_127_360,
    pci_address="0000:00:1e.0",
    pci_device_id=0x1EB810DE,
    pci_class=0x0302,
    pcie_generation=3,
    pcie_width=8,
)

A100_STANDIN = StandinGpu(
    name="A100-PCIE-40GB",
    uuid="GPU-5",
    cc_major=8,
    cc_minor=0,
    memory=42_505_273_344,
    pci="00000000:3B:00.0",
    mig=True,
    max_mig=7,
    ci_offset=20,
    profiles=(
        StandinProfile(enum=0, id=19, slices=1, max=7, memory_mib=4864, sm=14, copy=1),
        StandinProfile(enum=2, id=9, slices=3, max=2, memory_mib=19968, sm=42, copy=3, decoder=2),
        StandinProfile(
            enum=7, id=20, slices=1, max=1, memory_mib=4864, sm=14, copy=1, decoder=1, jpeg=1, ofa=1
        ),
    ),
)
ONE_COPY = Engines(copy=1, decoder=0, encoder=0, jpeg=0, ofa=0)
MEDIA = Engines(copy=1, decoder=1, encoder=0, jpeg=1, ofa=1)
THREE_COPY = Engines(copy=3, decoder=2, encoder=0, jpeg=0, ofa=0)
A100 = Gpu(
    index=0,
    uuid="GPU-5",
    name="A100-PCIE-40GB",
    compute_capability=(8, 0),
    memory_bytes=42_505_273_344,
    pci_address="0000:3b:00.0",
    pci_device_id=0,
    pci_class=0x0302,
    is_mig_capable=True,
    is_mig_enabled=True,
    profiles=(
        MigProfile(
            name="1g.5gb",
            enum=0,
            id=19,
            slices=1,
            max_instances=7,
            memory_mib=4864,
            multiprocessors=14,
            engines=ONE_COPY,
        ),
        MigProfile(
            name="3g.20gb",
            enum=2,
            id=9,
            slices=3,
            max_instances=2,
            memory_mib=19968,
            multiprocessors=42,
            engines=THREE_COPY,
        ),
        MigProfile(
            name="1g.5gb+me",
            enum=7,
            id=20,
            slices=1,
            max_instances=1,
            memory_mib=4864,
            multiprocessors=14,
            engines=MEDIA,
        ),
    ),
)


def one_slice_standin(index: int, *, has_media: bool = False) -> StandinMig:
    return StandinMig(
        index=index,
        uuid=f"MIG-{index}",
        gi=index + 7,
        ci=0,
        gi_profile=20 if has_media else 19,
        ci_enum=0,
        start=index,
        size=1,
        gi_slices=1,
        ci_slices=1,
        memory_mib=4864,
        sm=14,
        copy=1,
        decoder=int(has_media),
        jpeg=int(has_media),
        ofa=int(has_media),
    )


def one_slice(index: int, *, has_media: bool = False) -> MigDevice:
    return MigDevice(
        index=index,
        uuid=f"MIG-{index}",
        gi_id=index + 7,
        ci_id=0,
        placement=Placement(start=index, size=1),
        profile="1g.5gb.me" if has_media else "1g.5gb",
        gi_slices=1,
        ci_slices=1,
        memory_mib=4864,
        multiprocessors=14,
        engines=MEDIA if has_media else ONE_COPY,
    )


def part_of_three_standin(index: int, gi: int, ci: int, ci_enum: int, slices: int) -> StandinMig:
    return StandinMig(
        index=index,
        gi=gi,
        ci=ci,
        uuid=f"MIG-{gi}-{ci}",
        gi_profile=9,
        ci_enum=ci_enum,
        start=4 * gi - 4,
        size=4,
        gi_slices=3,
        ci_slices=slices,
        memory_mib=19968,
        sm=14 * slices,
        copy=3,
        decoder=2,
    )


def part_of_three(index: int, gi: int, ci: int, profile: str, slices: int) -> MigDevice:
    return MigDevice(
        index=index,
        uuid=f"MIG-{gi}-{ci}",
        gi_id=gi,
        ci_id=ci,
        placement=Placement(start=4 * gi - 4, size=4),
        profile=profile,
        gi_slices=3,
        ci_slices=slices,
        memory_mib=19968,
        multiprocessors=14 * slices,
        engines=THREE_COPY,
    )
