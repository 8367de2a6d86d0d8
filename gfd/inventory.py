"""What a node is: one frozen value, read once a cycle.

Everything after the probe is a function of an :class:`Inventory`. ``None`` means that the hardware has
no such thing, or that its driver does not know the question. A fact that should be there and could not be
read is ``None`` too, but has a :class:`Failure` beside it: :func:`need` turns that into an error for
whoever cannot do without.

GPUs stand in PCI-address order, MIG devices in the order of their parent and NVML index, so that "the
first" means the same on every read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gfd.errors import NvmlCallFailed, ProbeError

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A fact that could not be read, and why."""

    fact: str
    """Name of the field that is ``None`` because of this.

    Two stand for several: ``attributes`` of a MIG device for its slices, memory, multiprocessors and engines,
    ``pci_address`` for all that is found by it.
    """
    source: str
    """NVML function or file that was asked."""
    device: str
    """The GPU or MIG device, as messages name it; empty for the node."""
    reason: str
    code: int | None = None
    """The nvmlReturn_t, where NVML was asked."""

    def as_error(self) -> ProbeError:
        """Return the error to raise where this fact is needed."""
        if self.code is not None:
            return NvmlCallFailed(self.source, self.device, self.code, self.reason)
        where = f" of {self.device}" if self.device else ""
        return ProbeError(f"{self.fact}{where} could not be read from {self.source}: {self.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Engine counts of a GPU or a MIG device."""

    copy: int
    decoder: int
    encoder: int
    jpeg: int
    ofa: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a GPU instance lies, in memory slices."""

    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MigProfile:
    """A GPU-instance profile that a GPU offers (nvmlGpuInstanceProfileInfo_t)."""

    name: str
    """As NVIDIA prints it: ``1g.5gb``, ``1g.10gb+me``."""
    enum: int
    """NVML_GPU_INSTANCE_PROFILE_*."""
    id: int
    """The id nvidia-smi shows."""
    slices: int
    max_instances: int
    memory_mib: int
    multiprocessors: int
    engines: Engines


@dataclass(frozen=True, slots=True, kw_only=True)
class MigDevice:
    """One MIG device: a compute instance inside a GPU instance."""

    index: int
    """NVML's MIG index on the parent; the indices of a GPU can have holes."""
    uuid: str | None = None
    gi_id: int | None = None
    ci_id: int | None = None
    placement: Placement | None = None
    profile: str | None = None
    """As labels write it: ``1g.5gb``, ``1c.3g.20gb``, ``1g.10gb.me``."""
    gi_slices: int | None = None
    ci_slices: int | None = None
    memory_mib: int | None = None
    """As NVML's memorySizeMB gives it."""
    multiprocessors: int | None = None
    engines: Engines | None = None
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """NVLink fabric registration (nvmlGpuFabricInfo_t)."""

    state: int
    """NVML_GPU_FABRIC_STATE_*: 3 is completed."""
    status: int
    """The nvmlReturn_t of the registration, meaningful once completed."""
    cluster_uuid: str
    clique_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One physical GPU that could be read."""

    index: int
    """NVML's index."""
    uuid: str | None = None
    name: str
    brand: str | None = None
    architecture: str | None = None
    compute_capability: tuple[int, int] | None = None
    memory_bytes: int | None = None
    pci_address: str | None = None
    """As sysfs writes it: ``0000:3b:00.0``."""
    pci_device_id: int | None = None
    """Device id in the upper 16 bits, vendor id in the lower (nvmlPciInfo_t.pciDeviceId)."""
    pci_class: int | None = None
    """Base class and sub-class: 0x0302 is a 3D controller."""
    pcie_generation: int | None = None
    """Highest generation that GPU and slot agree on."""
    pcie_width: int | None = None
    """Highest number of lanes that GPU and slot agree on."""
    numa_node: int | None = None
    is_mig_capable: bool = False
    is_mig_enabled: bool = False
    fabric: Fabric | None = None
    multiprocessors: int | None = None
    """Of the whole GPU, where NVML tells."""
    engines: Engines | None = None
    """Of the whole GPU, where NVML tells."""
    profiles: tuple[MigProfile, ...] = ()
    mig_devices: tuple[MigDevice, ...] | None = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedGpu:
    """A GPU that is there but cannot be described, or not as a MIG strategy needs it; it counts nowhere."""

    index: int
    failure: Failure

    def __str__(self) -> str:
        return f"GPU {self.index} is left out: {self.failure.as_error()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vgpu:
    """What the PCI configuration space says about virtualisation."""

    is_present: bool
    host_driver_version: str | None = None
    host_driver_branch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A node, as one read of its hardware found it."""

    schema: int = SCHEMA
    driver_version: str | None = None
    cuda_version: int | None = None
    """As NVML encodes it: 1000 * major + 10 * minor."""
    gpus: tuple[Gpu, ...] = ()
    failed_gpus: tuple[FailedGpu, ...] = ()
    machine_type: str | None = None
    """DMI product name, blanks at its ends removed."""
    vgpu: Vgpu | None = None
    failures: tuple[Failure, ...] = ()


def need(owner: Inventory, fact: str) -> Any:
    """Return ``owner.fact``, or raise the :class:`ProbeError` that explains its absence."""
    failure = find_lack(owner, (fact,))
    if failure is not None:
        raise failure.as_error()
    return getattr(owner, fact)


def find_lack(owner: Inventory | Gpu | MigDevice, facts: tuple[str, ...], device: str = "") -> Failure | None:
    """Return why the first of ``facts`` that ``owner`` lacks is not there; None where it lacks none."""
    for fact in facts:
        for failure in owner.failures:
            if failure.fact == fact:
                return failure
        if getattr(owner, fact) is None:  # a snapshot can be written by hand
            return Failure(
                fact=fact, source="the inventory", device=device, reason="it holds none, and no reason why"
            )
    return None
