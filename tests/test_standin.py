"""The stand-in driver, seen through the real pynvml: in child processes, for it loads the library by name."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gfd.inventory.model import (
    Engines,
    Fabric,
    FailedGpu,
    Failure,
    Gpu,
    Inventory,
    MigDevice,
    MigProfile,
    Placement,
)
from tests.standin import (
    Fault,
    Standin,
    StandinGpu,
    StandinMig,
    StandinProfile,
    build,
    environment,
    from_inventory,
)
from tests.standin.random_machines import random_case

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PRELUDE = """
import ctypes, json
from pynvml import *
def code(call, *arguments):
    try:
        call(*arguments)
    except NVMLError as error:
        return error.value
    return 0
def show(value):
    print(json.dumps(value))
"""

H100 = StandinGpu(
    name="NVIDIA H100 80GB HBM3",
    uuid="GPU-0",
    serial="1650522003820",
    brand=14,
    architecture=9,
    cc_major=9,
    cc_minor=0,
    memory=85_520_809_984,
    pci="0000000A:3B:00.0",
    pci_device_id=0x233010DE,
    minor=0,
    pcie_generation=5,
    pcie_width=16,
    virtualization=1,
    mig=True,
    max_mig=7,
    ci_offset=30,
    fabric_state=3,
    fabric_status=0,
    fabric_cluster="3f2504e04f8911d39a0c0305e82c3301",
    fabric_clique=4,
    profiles=(
        StandinProfile(
            name="3g.40gb", enum=2, id=9, slices=3, max=2, memory_mib=40448, sm=60, copy=3, decoder=3, jpeg=3
        ),
    ),
    migs=tuple(
        StandinMig(
            index=index,
            uuid=f"MIG-{index}",
            name="NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb",
            gi=2,
            ci=ci,
            gi_profile=9,
            ci_enum=0,
            start=4,
            size=4,
            gi_slices=3,
            ci_slices=1,
            memory_mib=40448,
            sm=20,
            copy=3,
            decoder=3,
            encoder=0,
            jpeg=3,
            ofa=0,
        )
        for ci, index in enumerate((1, 4))
    ),
)
T4 = StandinGpu(name="Tesla T4", uuid="GPU-1", cc_major=7, cc_minor=5, memory=15_843_721_216)
NODE = Standin(gpus=(H100, T4))


class Bench:
    """A folder with a machine in it, and a way to run code that sees that machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"

    def start(self, machine: Standin, code: str, *, without: Sequence[str] = ()) -> subprocess.Popen[str]:
        library = build(self.folder / "lib", without=without)
        description = machine.write(self.folder / "machine")
        return subprocess.Popen(
            [sys.executable, "-c", PRELUDE + code],
            env=environment(library, description, self.log),
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, machine: Standin, code: str, *, without: Sequence[str] = ()) -> list[Any]:
        """Return what the code showed."""
        with self.start(machine, code, without=without) as process:
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_gpu_answers_every_question(bench: Bench) -> None:
    shown = bench.run(
        NODE,
        """
nvmlInit()
gpu = nvmlDeviceGetHandleByIndex(0)
show([nvmlSystemGetDriverVersion(), nvmlSystemGetNVMLVersion(), nvmlSystemGetCudaDriverVersion(),
      nvmlSystemGetCudaDriverVersion_v2(), nvmlDeviceGetCount()])
show([nvmlDeviceGetName(gpu), nvmlDeviceGetUUID(gpu), nvmlDeviceGetSerial(gpu), nvmlDeviceGetBrand(gpu),
      nvmlDeviceGetArchitecture(gpu), nvmlDeviceGetCudaComputeCapability(gpu), nvmlDeviceGetMinorNumber(gpu),
      nvmlDeviceGetMaxPcieLinkGeneration(gpu), nvmlDeviceGetMaxPcieLinkWidth(gpu),
      nvmlDeviceGetVirtualizationMode(gpu), nvmlDeviceGetMigMode(gpu), nvmlDeviceGetMaxMigDeviceCount(gpu)])
show([nvmlDeviceGetMemoryInfo(gpu).total, nvmlDeviceGetMemoryInfo(gpu, nvmlMemory_v2).total])
pci = nvmlDeviceGetPciInfo(gpu)
show([pci.busId, pci.busIdLegacy, pci.domain, pci.bus, pci.device, pci.pciDeviceId])
# Versions 1, 2 and 3 of the structure, byte by byte: older pynvml declare them with other sizes.
for head, size, ask in ((b"", 28, nvmlDeviceGetGpuFabricInfo),
                        (0x02000024 .to_bytes(4, "little"), 36, nvmlDeviceGetGpuFabricInfoV),
                        (0x03000028 .to_bytes(4, "little"), 40, nvmlDeviceGetGpuFabricInfoV)):
    fabric = ctypes.create_string_buffer(head, size)
    ask(gpu, ctypes.byref(fabric))
    answer = fabric.raw[len(head):]
    show([answer[:16].hex(), int.from_bytes(answer[16:20], "little"),
          int.from_bytes(answer[20:24], "little"), answer[24]])
for version in (1, 2):
    info = nvmlDeviceGetGpuInstanceProfileInfo(gpu, 2, version)
    show([info.id, info.sliceCount, info.instanceCount, info.multiprocessorCount, info.copyEngineCount,
          info.decoderCount, info.encoderCount, info.jpegCount, info.ofaCount, info.memorySizeMB])
show(info.name)
""",
    )
    fabric = ["3f2504e04f8911d39a0c0305e82c3301", 0, 4, 3]
    profile = [9, 3, 2, 60, 3, 3, 0, 3, 0, 40448]
    assert shown == [
        ["580.159.04", "13.580.159.04", 13000, 13000, 2],
        ["NVIDIA H100 80GB HBM3", "GPU-0", "1650522003820", 14, 9, [9, 0], 0, 5, 16, 1, [1, 1], 7],
        [85_520_809_984, 85_520_809_984],
        ["0000000A:3B:00.0", "000A:3B:00.0", 0xA, 0x3B, 0, 0x233010DE],
        *[fabric] * 3,
        *[profile] * 2,
        "MIG 3g.40gb",
    ]


def test_a_mig_device_leads_to_its_instances_and_its_gpu(bench: Bench) -> None:
    shown = bench.run(
        NODE,
        """
nvmlInit()
gpu = nvmlDeviceGetHandleByIndex(0)
for index in range(nvmlDeviceGetMaxMigDeviceCount(gpu)):
    try:
        mig = nvmlDeviceGetMigDeviceHandleByIndex(gpu, index)
    except NVMLError as error:
        show([index, error.value])
        continue
    attributes = nvmlDeviceGetAttributes(mig)
    show([index, nvmlDeviceIsMigDeviceHandle(mig).value, nvmlDeviceGetUUID(mig), nvmlDeviceGetName(mig),
          nvmlDeviceGetGpuInstanceId(mig), nvmlDeviceGetComputeInstanceId(mig),
          nvmlDeviceGetUUID(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig)),
          [getattr(attributes, name) for name, _ in attributes._fields_]])
gi = nvmlDeviceGetGpuInstanceById(gpu, 2)
info = nvmlGpuInstanceGetInfo(gi)
show([info.id, info.profileId, info.placement.start, info.placement.size])
info = nvmlComputeInstanceGetInfo(nvmlGpuInstanceGetComputeInstanceById(gi, 1))
show([info.id, info.profileId, nvmlDeviceGetUUID(info.device), nvmlGpuInstanceGetInfo(info.gpuInstance).id])
offered = []
for enum in range(NVML_COMPUTE_INSTANCE_PROFILE_COUNT):
    for version in (1, 2):
        try:
            info = nvmlGpuInstanceGetComputeInstanceProfileInfo(gi, enum, 0, version)
        except NVMLError as error:
            assert error.value == NVML_ERROR_NOT_SUPPORTED
            continue
        offered.append([enum, info.id, info.sliceCount, info.instanceCount, info.multiprocessorCount,
                        info.sharedCopyEngineCount, info.sharedJpegCount])
show(offered)
show(nvmlDeviceGetUUID(nvmlDeviceGetHandleByUUID("MIG-4")))
""",
    )
    attributes = [20, 3, 3, 0, 3, 0, 3, 1, 40448]
    name = "NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb"
    sizes = [[0, 30, 1, 3, 20, 3, 3], [1, 31, 2, 1, 40, 3, 3], [2, 32, 3, 1, 60, 3, 3]]
    assert shown == [
        [0, 6],
        [1, 1, "MIG-1", name, 2, 0, "GPU-0", attributes],
        [2, 6],
        [3, 6],
        [4, 1, "MIG-4", name, 2, 1, "GPU-0", attributes],
        [5, 6],
        [6, 6],
        [2, 9, 4, 4],
        [1, 30, "MIG-4", 2],
        [size for size in sizes for _ in (1, 2)],
        "MIG-4",
    ]


def test_wrong_questions_get_the_answers_of_a_real_gpu(bench: Bench) -> None:
    """The codes are those that an H100 with driver 580 and MIG off gave to the same calls."""
    shown = bench.run(
        replace(NODE, gpus=(replace(H100, mig=False, migs=()), T4)),
        """
show([code(nvmlDeviceGetCount), code(nvmlInit), code(nvmlInit), code(nvmlShutdown), code(nvmlDeviceGetCount)])
gpu, plain = nvmlDeviceGetHandleByIndex(0), nvmlDeviceGetHandleByIndex(1)
show([code(nvmlDeviceGetHandleByIndex, 9), code(nvmlDeviceGetHandleByUUID, "x")])
show([code(ask, gpu) for ask in (nvmlDeviceGetAttributes, nvmlDeviceGetGpuInstanceId,
      nvmlDeviceGetComputeInstanceId, nvmlDeviceGetDeviceHandleFromMigDeviceHandle)])
show([nvmlDeviceGetMaxMigDeviceCount(gpu), code(nvmlDeviceGetMigDeviceHandleByIndex, gpu, 0),
      code(nvmlDeviceGetMigDeviceHandleByIndex, gpu, 99), code(nvmlDeviceGetGpuInstanceById, gpu, 0)])
show([code(nvmlDeviceGetGpuInstanceProfileInfo, gpu, enum, 1) for enum in (2, 5, 16, 17, 18, 99)])
show([code(nvmlDeviceGetMemoryInfo, gpu, 1), code(nvmlDeviceGetName, None)])
fabric = ctypes.create_string_buffer(36)
show(code(nvmlDeviceGetGpuFabricInfoV, gpu, ctypes.byref(fabric)))
library = ctypes.CDLL("libnvidia-ml.so.1")
name = ctypes.create_string_buffer(4)
show([library.nvmlDeviceGetName(gpu, name, 4), library.nvmlDeviceGetBrand(gpu, None)])
show([code(ask, plain) for ask in (nvmlDeviceGetMigMode, nvmlDeviceGetBrand, nvmlDeviceGetSerial)])
show([code(nvmlDeviceGetGpuInstanceProfileInfo, plain, 2, 1), code(nvmlDeviceGetGpuInstanceById, plain, 0)])
show([nvmlErrorString(value) for value in (18, 999)])
show([code(nvmlShutdown), code(nvmlDeviceGetName, gpu), code(nvmlShutdown)])
""",
    )
    assert shown == [
        [1, 0, 0, 0, 0],
        [2, 6],
        [3, 2, 2, 2],
        [0, 6, 6, 6],
        [0, 3, 3, 2, 2, 2],
        [13, 2],
        25,
        [7, 2],
        [3, 3, 3],
        [3, 3],
        ["Driver/library version mismatch", "Unknown Error"],
        [0, 1, 1],
    ]


def test_the_machine_is_read_again_at_every_init(bench: Bench) -> None:
    machine = bench.folder / "machine"
    replace(NODE, gpus=(T4,)).write(bench.folder / "later")
    shown = bench.run(
        NODE,
        f"""
import os
nvmlInit(); show(nvmlDeviceGetCount()); nvmlShutdown()
os.replace({str(bench.folder / "later")!r}, {str(machine)!r})
nvmlInit(); show([nvmlDeviceGetCount(), nvmlDeviceGetName(nvmlDeviceGetHandleByIndex(0))])
""",
    )
    assert shown == [2, [1, "Tesla T4"]]


@pytest.mark.parametrize("name", [b"", b"a\tb\\x41 \xae\xff", b"N" * 95, "NVIDIA® GPU".encode()])
def test_a_name_is_whatever_bytes_it_is(bench: Bench, name: bytes) -> None:
    shown = bench.run(
        Standin(gpus=(StandinGpu(name=name),)),
        "nvmlInit(); show(list(nvmlDeviceGetName.__wrapped__(nvmlDeviceGetHandleByIndex(0))))",
    )
    assert bytes(shown[0]) == name


def test_a_fault_hits_its_function_and_device_only(bench: Bench) -> None:
    faults = (
        Fault(function="nvmlDeviceGetUUID", gpu=0, mig=4, error=15),
        Fault(function="nvmlDeviceGetBrand", gpu=0, mig=-1, error=999),
        Fault(function="nvmlDeviceGetCount", after=2, error=17),
        Fault(function="nvmlDeviceGetMigDeviceHandleByIndex", gpu=0, mig=3, error=2),
    )
    shown = bench.run(
        replace(NODE, faults=faults),
        """
nvmlInit()
gpu = nvmlDeviceGetHandleByIndex(0)
migs = [nvmlDeviceGetMigDeviceHandleByIndex(gpu, index) for index in (1, 4)]
show([code(nvmlDeviceGetUUID, device) for device in (gpu, *migs)])
show([code(nvmlDeviceGetBrand, device) for device in (gpu, *migs)])
show([code(nvmlDeviceGetMigDeviceHandleByIndex, gpu, index) for index in range(5)])
show([code(nvmlDeviceGetCount), code(nvmlDeviceGetCount), code(nvmlShutdown), code(nvmlInit)])
show([code(nvmlDeviceGetCount), code(nvmlDeviceGetCount)])
""",
    )
    assert shown == [[0, 0, 15], [999, 0, 0], [6, 0, 6, 2, 0], [0, 0, 0, 0], [17, 17]]


def test_init_can_fail_until_the_driver_is_there(bench: Bench) -> None:
    NODE.write(bench.folder / "later")
    shown = bench.run(
        replace(NODE, faults=(Fault(function="nvmlInit", error=9),)),
        f"""
import os
show([code(nvmlInit), code(nvmlDeviceGetCount), code(nvmlShutdown)])
os.replace({str(bench.folder / "later")!r}, {str(bench.folder / "machine")!r})
show([code(nvmlInit), code(nvmlDeviceGetCount)])
del os.environ["GFD_STANDIN"]
show([code(nvmlShutdown), code(nvmlInit)])
""",
    )
    assert shown == [[9, 1, 1], [0, 0], [0, 9]]


@pytest.mark.parametrize(
    ("fault", "returncode"),
    [
        (Fault(function="nvmlDeviceGetHandleByIndex", segv=True), -11),
        (Fault(function="nvmlDeviceGetHandleByIndex", exit=True), 99),
    ],
)
def test_a_call_can_end_the_process(bench: Bench, fault: Fault, returncode: int) -> None:
    with bench.start(replace(NODE, faults=(fault,)), "nvmlInit(); nvmlDeviceGetHandleByIndex(1)") as process:
        assert process.wait(timeout=60) == returncode


def test_a_call_can_hang(bench: Bench) -> None:
    machine = replace(NODE, faults=(Fault(function="nvmlDeviceGetCount", hang=True),))
    code = "nvmlInit(); print('asks', flush=True); nvmlDeviceGetCount(); print('was answered')"
    with bench.start(machine, code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asks\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.3)
        process.kill()


def test_a_driver_can_lack_functions(bench: Bench) -> None:
    without = ("nvmlDeviceGetMigMode", "nvmlSystemGetCudaDriverVersion")
    shown = bench.run(
        NODE,
        """
nvmlInit()
gpu = nvmlDeviceGetHandleByIndex(0)
show([code(nvmlDeviceGetMigMode, gpu), code(nvmlSystemGetCudaDriverVersion),
      code(nvmlSystemGetCudaDriverVersion_v2), code(nvmlDeviceGetName, gpu)])
""",
        without=without,
    )
    assert shown == [[13, 13, 0, 0]]


def test_every_call_is_logged(bench: Bench) -> None:
    bench.run(
        NODE,
        """
code(nvmlDeviceGetCount); code(nvmlInit)
gpu = nvmlDeviceGetHandleByIndex(0)
code(nvmlDeviceGetMigDeviceHandleByIndex, gpu, 0)
mig = nvmlDeviceGetMigDeviceHandleByIndex(gpu, 4)
nvmlDeviceGetUUID(mig)
nvmlGpuInstanceGetInfo(nvmlDeviceGetGpuInstanceById(gpu, 2))
nvmlShutdown()
""",
    )
    assert bench.log.read_text().splitlines() == [
        "nvmlInitWithFlags",
        "nvmlDeviceGetHandleByIndex_v2 gpu=0",
        "nvmlDeviceGetMigDeviceHandleByIndex gpu=0 mig=0",
        "nvmlDeviceGetMigDeviceHandleByIndex gpu=0 mig=4",
        "nvmlDeviceGetUUID gpu=0 mig=4",
        "nvmlDeviceGetGpuInstanceById gpu=0",
        "nvmlGpuInstanceGetInfo gpu=0 mig=1",
        "nvmlShutdown",
    ]


def test_a_description_that_is_none_is_refused(bench: Bench) -> None:
    (bench.folder / "later").write_text("gpu colour=green\n")
    shown = bench.run(
        NODE,
        f"""
import os
os.replace({str(bench.folder / "later")!r}, {str(bench.folder / "machine")!r})
show(code(nvmlInit))
""",
    )
    assert shown == [999]


def test_a_read_of_an_inventory_played_is_that_inventory(bench: Bench) -> None:
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
    lost = Failure(fact="gpu", source="nvmlDeviceGetName", device="GPU 2", reason="GPU is lost", code=15)
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
    shown = bench.run(
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
