"""The hardware of a node as one frozen value, read once per cycle.

Everything after the probe is a function of an :class:`Inventory`. ``None`` means that the hardware does not
have such a thing, or that the driver is too old to report it. A fact that could not be read is ``None`` too,
and has a :class:`FactFailure`. :func:`require` turns that into an error.

GPUs are in PCI-address order, MIG devices in the order of their GPU and NVML index, so that "the first" is
the same on every read.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from gfd.errors import NvmlCallFailed, ProbeError
from gfd.inventory.sources import ReadFrom

SCHEMA = 1


class FactFailure(NamedTuple):
    """A fact that could not be read, and the reason."""

    fact: str
    """Name of the field that is ``None``.

    Two names stand for several fields: ``attributes`` of a MIG device for its slices, memory, multiprocessors
    and engines, ``pci_address`` for everything that is looked up by it.
    """
    source: str
    """NVML function or file that failed."""
    device: str
    """The GPU or MIG device, as in messages; empty for the node."""
    reason: str
    code: int | None = None
    """The nvmlReturn_t of an NVML function."""

    def to_error(self) -> ProbeError:
        """Return the error to raise if this fact is needed."""
        if self.code is not None:
            return NvmlCallFailed(self.source, self.device, self.code, self.reason)
        where = f" of {self.device}" if self.device else ""
        return ProbeError(f"{self.fact}{where} could not be read from {self.source}: {self.reason}")


class Engines(NamedTuple):
    """Engine counts of a GPU or a MIG device."""

    copy: int
    decoder: int
    encoder: int
    jpeg: int
    ofa: int


class Placement(NamedTuple):
    """The memory slices of a GPU instance."""

    start: Annotated[int, ReadFrom(unit="memory slices")]
    size: Annotated[int, ReadFrom(unit="memory slices")]


class MigProfile(NamedTuple):
    """A GPU-instance profile that a GPU offers (nvmlGpuInstanceProfileInfo_t)."""

    name: str
    """As in nvidia-smi: ``1g.5gb``, ``1g.10gb+me``."""
    enum: int
    """NVML_GPU_INSTANCE_PROFILE_*."""
    id: int
    """The id that nvidia-smi shows."""
    slices: int
    max_instances: int
    memory_mib: Annotated[int, ReadFrom(unit="MiB")]
    multiprocessors: int
    engines: Engines


class MigDevice(NamedTuple):
    """One MIG device: a compute instance inside a GPU instance."""

    index: Annotated[  # type: ignore[assignment]
        int, ReadFrom("nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMigDeviceHandleByIndex")
    ]
    """NVML's MIG index on the GPU; indices can be missing in between."""
    uuid: Annotated[str | None, ReadFrom("nvmlDeviceGetUUID")] = None
    gi_id: Annotated[int | None, ReadFrom("nvmlDeviceGetGpuInstanceId")] = None
    ci_id: Annotated[int | None, ReadFrom("nvmlDeviceGetComputeInstanceId")] = None
    placement: Annotated[Placement | None, ReadFrom("nvmlGpuInstanceGetInfo")] = None
    profile: Annotated[
        str | None,
        ReadFrom(
            "nvmlGpuInstanceGetInfo",
            "nvmlDeviceGetGpuInstanceProfileInfo",
            "nvmlComputeInstanceGetInfo",
            "nvmlGpuInstanceGetComputeInstanceProfileInfo",
            "nvmlDeviceGetAttributes_v2",
            "nvmlDeviceGetMemoryInfo",
        ),
    ] = None
    """As in labels: ``1g.5gb``, ``1c.3g.20gb``, ``1g.10gb.me``."""
    gi_slices: Annotated[int | None, ReadFrom("nvmlDeviceGetAttributes_v2", unit="slices")] = None
    ci_slices: Annotated[int | None, ReadFrom("nvmlDeviceGetAttributes_v2", unit="slices")] = None
    memory_mib: Annotated[int | None, ReadFrom("nvmlDeviceGetAttributes_v2", unit="MiB")] = None
    """NVML's memorySizeMB."""
    multiprocessors: Annotated[int | None, ReadFrom("nvmlDeviceGetAttributes_v2")] = None
    engines: Annotated[Engines | None, ReadFrom("nvmlDeviceGetAttributes_v2")] = None
    failures: tuple[FactFailure, ...] = ()


class Fabric(NamedTuple):
    """NVLink fabric registration (nvmlGpuFabricInfo_t)."""

    state: int
    """NVML_GPU_FABRIC_STATE_*: 3 is completed."""
    status: int
    """The nvmlReturn_t of the registration; meaningful only if it is completed."""
    cluster_uuid: str
    clique_id: int


class Gpu(NamedTuple):
    """One physical GPU that could be read."""

    index: Annotated[  # type: ignore[assignment]
        int,
        ReadFrom(
            "nvmlDeviceGetCount",
            "nvmlDeviceGetHandleByIndex",
            tegra=("cuDeviceGetCount", "cuDeviceGet"),
            vfio=("/sys/bus/pci/devices",),
        ),
    ]
    """NVML's index; with tegra, CUDA's ordinal; with vfio, the position by PCI address."""
    name: Annotated[
        str,
        ReadFrom(
            "nvmlDeviceGetName",
            tegra=("cuDeviceGetName",),
            vfio=("/sys/bus/pci/devices/<address>/device", "pci.ids"),
        ),
    ]
    uuid: Annotated[str | None, ReadFrom("nvmlDeviceGetUUID")] = None
    brand: Annotated[str | None, ReadFrom("nvmlDeviceGetBrand")] = None
    architecture: Annotated[str | None, ReadFrom("nvmlDeviceGetArchitecture", vfio=("pci.ids",))] = None
    """With vfio, that of the chip at the beginning of the name."""
    compute_capability: Annotated[
        tuple[int, int] | None,
        ReadFrom("nvmlDeviceGetCudaComputeCapability", tegra=("cuDeviceGetAttribute",)),
    ] = None
    memory_bytes: Annotated[
        int | None, ReadFrom("nvmlDeviceGetMemoryInfo", unit="bytes", tegra=("cuDeviceTotalMem_v2",))
    ] = None
    is_memory_unified: Annotated[
        bool, ReadFrom("nvmlDeviceGetMemoryInfo", tegra=("cuDeviceGetAttribute",))
    ] = False
    """Whether the GPU has no memory of its own: it uses the CPU's, and NVML reports none."""
    pci_address: Annotated[str | None, ReadFrom("nvmlDeviceGetPciInfo", vfio=("/sys/bus/pci/devices",))] = (
        None
    )
    """As in sysfs: ``0000:3b:00.0``."""
    pci_device_id: Annotated[
        int | None,
        ReadFrom("nvmlDeviceGetPciInfo", unit="hexadecimal", vfio=("/sys/bus/pci/devices/<address>/device",)),
    ] = None
    """Device id in the upper 16 bits, vendor id in the lower (nvmlPciInfo_t.pciDeviceId)."""
    pci_class: Annotated[
        int | None,
        ReadFrom(
            "/sys/bus/pci/devices/<address>/class",
            "nvmlDeviceGetPciInfo",
            unit="hexadecimal",
            tegra=(),
        ),
    ] = None
    """Base class and sub-class: 0x0302 is a 3D controller."""
    pcie_generation: Annotated[int | None, ReadFrom("nvmlDeviceGetMaxPcieLinkGeneration")] = None
    """The highest generation that both GPU and slot support."""
    pcie_width: Annotated[int | None, ReadFrom("nvmlDeviceGetMaxPcieLinkWidth", unit="lanes")] = None
    """The highest number of lanes that both GPU and slot support."""
    numa_node: Annotated[
        int | None,
        ReadFrom(
            "/sys/bus/pci/devices/<address>/numa_node",
            "nvmlDeviceGetPciInfo",
            tegra=(),
        ),
    ] = None
    pcie_root: Annotated[
        str | None, ReadFrom("/sys/bus/pci/devices/<address>", "nvmlDeviceGetPciInfo", tegra=())
    ] = None
    """The PCIe root complex, as in sysfs: ``pci0000:3a``."""
    power_limit_mw: Annotated[int | None, ReadFrom("nvmlDeviceGetPowerManagementLimit", unit="mW")] = None
    power_default_limit_mw: Annotated[
        int | None, ReadFrom("nvmlDeviceGetPowerManagementDefaultLimit", unit="mW")
    ] = None
    nvlink_links: Annotated[int | None, ReadFrom("nvmlDeviceGetNvLinkState", unit="links")] = None
    """The number of active NVLink links; None if the GPU has no NVLink."""
    nvlink_peers: Annotated[tuple[int, ...] | None, ReadFrom("nvmlDeviceGetP2PStatus")] = None
    """Indices of the GPUs that it reaches over NVLink, directly or through NVSwitch; None with one GPU."""
    is_mig_capable: Annotated[bool, ReadFrom("nvmlDeviceGetMigMode")] = False
    is_mig_enabled: Annotated[bool, ReadFrom("nvmlDeviceGetMigMode")] = False
    fabric: Annotated[
        Fabric | None, ReadFrom("nvmlDeviceGetGpuFabricInfo", "nvmlDeviceGetGpuFabricInfoV")
    ] = None
    multiprocessors: Annotated[int | None, ReadFrom("nvmlDeviceGetGpuInstanceProfileInfo")] = None
    """Of the whole GPU, if NVML reports it."""
    engines: Annotated[Engines | None, ReadFrom("nvmlDeviceGetGpuInstanceProfileInfo")] = None
    """Of the whole GPU, if NVML reports it."""
    profiles: Annotated[
        tuple[MigProfile, ...], ReadFrom("nvmlDeviceGetGpuInstanceProfileInfo", "nvmlDeviceGetMemoryInfo")
    ] = ()
    mig_devices: tuple[MigDevice, ...] | None = ()
    failures: tuple[FactFailure, ...] = ()
    name_source: Annotated[str | None, ReadFrom("pci.ids", tegra=())] = None
    """File and line of the name, if it comes from a list of PCI devices (vfio)."""
    addressable_bytes: Annotated[
        int | None, ReadFrom("/sys/bus/pci/devices/<address>/resource", unit="bytes", tegra=())
    ] = None
    """The 64-bit memory windows, rounded up to a power of two (vfio).

    This is the address space that a virtual machine needs for the GPU, not the GPU's memory.
    """


class FailedGpu(NamedTuple):
    """A GPU that is left out, because a fact that every label or the MIG strategy needs could not be read."""

    index: Annotated[  # type: ignore[assignment]
        int,
        ReadFrom("nvmlDeviceGetCount", tegra=("cuDeviceGetCount",), vfio=("/sys/bus/pci/devices",)),
    ]
    failure: FactFailure
    pci_address: Annotated[str | None, ReadFrom("nvmlDeviceGetPciInfo")] = None
    """As in sysfs. If NVML does not report it, the only address left on the PCI bus."""
    uuid: Annotated[str | None, ReadFrom("nvmlDeviceGetUUID")] = None

    def __str__(self) -> str:
        return f"GPU {self.index} is left out: {self.failure.to_error()}"


class Vgpu(NamedTuple):
    """The vGPU facts in the PCI configuration space."""

    is_present: bool
    host_driver_version: str | None = None
    host_driver_branch: str | None = None


class Inventory(NamedTuple):
    """The hardware of a node, from one read."""

    schema: int = SCHEMA
    driver_version: Annotated[str | None, ReadFrom("nvmlSystemGetDriverVersion")] = None
    cuda_version: Annotated[
        int | None, ReadFrom("nvmlSystemGetCudaDriverVersion", tegra=("cuDriverGetVersion",))
    ] = None
    """As NVML and CUDA encode it: 1000 * major + 10 * minor."""
    gpus: tuple[Gpu, ...] = ()
    failed_gpus: tuple[FailedGpu, ...] = ()
    machine_type: Annotated[str | None, ReadFrom("--machine-type-file")] = None
    """DMI product name without surrounding blanks."""
    vgpu: Annotated[Vgpu | None, ReadFrom("/sys/bus/pci/devices/<address>/config")] = None
    failures: tuple[FactFailure, ...] = ()
    discovery: Annotated[str, ReadFrom("--device-discovery-strategy")] = "nvml"
    """How the GPUs were found: ``nvml``, ``tegra`` or ``vfio``.

    With tegra only CUDA tells about the GPUs: the driver's version and the PCI address are unknown. With vfio
    there is no NVIDIA driver: driver and CUDA version, compute capability and memory are unknown.
    """


def is_display_board(name: str) -> bool:
    """Return whether a GPU with this name only drives a display; such GPUs are not in the inventory."""
    return name in ("DGX Display", "NVIDIA DGX Display")


def require(owner: Inventory, fact: str) -> Any:
    """Return ``owner.fact``. Raises ProbeError with the reason if it is missing."""
    failure = find_missing(owner, (fact,))
    if failure is not None:
        raise failure.to_error()
    return getattr(owner, fact)


def find_missing(
    owner: Inventory | Gpu | MigDevice, facts: tuple[str, ...], device: str = ""
) -> FactFailure | None:
    """Return the failure of the first fact in ``facts`` that is missing; None if all are present."""
    for fact in facts:
        for failure in owner.failures:
            if failure.fact == fact:
                return failure
        if getattr(owner, fact) is None:  # in a snapshot written by hand
            return FactFailure(
                fact=fact, source="the inventory", device=device, reason="it has no value and no reason"
            )
    return None
