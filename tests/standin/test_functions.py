"""The stand-in's NVML functions, called through the real pynvml."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.standin import (
    Standin,
    StandinGpu,
)

if TYPE_CHECKING:
    pass

from tests.standin.client import H100, NODE, T4, Client


def test_functions_of_a_gpu(client: Client) -> None:
    shown = client.run(
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
show([nvmlDeviceGetPowerManagementLimit(gpu), nvmlDeviceGetPowerManagementDefaultLimit(gpu)])
other = nvmlDeviceGetHandleByIndex(1)
show([nvmlDeviceGetNvLinkState(gpu, 16), nvmlDeviceGetNvLinkState(gpu, 17)])
show([code(nvmlDeviceGetNvLinkState, gpu, 18), code(nvmlDeviceGetNvLinkState, other, 0)])
show([nvmlDeviceGetP2PStatus(gpu, other, 2), code(nvmlDeviceGetP2PStatus, other, gpu, 2),
      code(nvmlDeviceGetP2PStatus, gpu, None, 2)])
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
        [650_000, 700_000],
        [1, 0],
        [2, 3],
        [0, 3, 2],
        [85_520_809_984, 85_520_809_984],
        ["0000000A:3B:00.0", "000A:3B:00.0", 0xA, 0x3B, 0, 0x233010DE],
        *[fabric] * 3,
        *[profile] * 2,
        "MIG 3g.40gb",
    ]


def test_functions_of_a_mig_device(client: Client) -> None:
    shown = client.run(
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


def test_wrong_calls_return_the_codes_of_a_real_gpu(client: Client) -> None:
    """The codes are those that an H100 with driver 580 and MIG off gave to the same calls."""
    shown = client.run(
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


@pytest.mark.parametrize("name", [b"", b"a\tb\\x41 \xae\xff", b"N" * 95, "NVIDIA® GPU".encode()])
def test_names_of_any_bytes(client: Client, name: bytes) -> None:
    shown = client.run(
        Standin(gpus=(StandinGpu(name=name),)),
        "nvmlInit(); show(list(nvmlDeviceGetName.__wrapped__(nvmlDeviceGetHandleByIndex(0))))",
    )
    assert bytes(shown[0]) == name
