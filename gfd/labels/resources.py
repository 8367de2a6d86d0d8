"""Resolve an inventory into the resources that a node offers under a MIG strategy, and its other facts.

Pure functions over frozen values. Templates see a :class:`NodeFacts` and the inventory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from gfd.errors import ConfigError, ProbeError
from gfd.inventory.model import require
from gfd.labels.models import choose_model, count_models
from gfd.labels.products import compose_product
from gfd.labels.requirements import partition, suggest_next_step
from gfd.labels.sharing import Sharing
from gfd.labels.strategies import STRATEGIES, Resource
from gfd.labels.syntax import sanitise, truncate

if TYPE_CHECKING:
    from gfd.inventory.model import Fabric, FailedGpu, Gpu, Inventory
    from gfd.inventory.sources import DerivedFrom
    from gfd.labels.models import ModelCount

UNKNOWN = "unknown"
GPU_MODES = {0x0300: "graphics", 0x0302: "compute"}
"""PCI class (VGA controller, 3D controller) -> value of gpu.mode."""

FABRIC_COMPLETED = 3
"""NVML_GPU_FABRIC_STATE_COMPLETED."""
NO_CLUSTER_UUID = "00000000-0000-0000-0000-000000000000"


class DriverVersion(NamedTuple):
    """The driver's version and its parts. ``revision`` is empty if the version has two parts."""

    full: str
    major: str
    minor: str
    revision: str


class CudaVersion(NamedTuple):
    """The newest CUDA version that the driver supports."""

    major: int
    minor: int


UNKNOWN_DRIVER = DriverVersion(full="unknown.unknown.unknown", major=UNKNOWN, minor=UNKNOWN, revision=UNKNOWN)
NO_CUDA = CudaVersion(major=0, minor=0)
"""The versions of a node whose GPUs are bound to vfio-pci; tegra has no version of the driver, either."""


class VgpuHost(NamedTuple):
    """The vGPU facts as label values; version and branch are None if the host does not give them."""

    is_present: Annotated[bool, DerivedFrom("inventory.vgpu.is_present")]
    driver_version: Annotated[str | None, DerivedFrom("inventory.vgpu.host_driver_version")]
    driver_branch: Annotated[str | None, DerivedFrom("inventory.vgpu.host_driver_branch")]


class NodeFacts(NamedTuple):
    """The facts of a node for its labels. Without a GPU, ``gpu`` is None and most fields are empty."""

    mig_strategy: Annotated[str, DerivedFrom("--mig-strategy")]
    timestamp: Annotated[int | None, DerivedFrom("--no-timestamp")]
    """When the configuration was loaded, in Unix seconds; None with --no-timestamp."""
    vgpu: VgpuHost | None
    """None if the PCI configuration space cannot be read."""
    gpus: tuple[Gpu, ...] = ()
    """GPUs that the labels count, in PCI-address order."""
    failed: tuple[FailedGpu, ...] = ()
    """GPUs that the labels leave out, by index: a fact that they need could not be read."""
    gpu: Gpu | None = None
    """The GPU that describes the node's model."""
    model: Annotated[str, DerivedFrom("gpu.name")] = ""
    """Product name of :attr:`gpu` as a label value, without MIG and sharing."""
    models: tuple[ModelCount, ...] = ()
    """Every model if the node has several; else empty."""
    resources: tuple[Resource, ...] = ()
    driver: Annotated[
        DriverVersion | None,
        DerivedFrom(
            "inventory.driver_version", tegra=("inventory.discovery",), vfio=("inventory.discovery",)
        ),
    ] = None
    cuda: Annotated[
        CudaVersion | None, DerivedFrom("inventory.cuda_version", vfio=("inventory.discovery",))
    ] = None
    """None if it is unknown or the driver reports a negative version."""
    machine: Annotated[str, DerivedFrom("inventory.machine_type")] = UNKNOWN
    mode: Annotated[str, DerivedFrom("gpus.pci_class")] = UNKNOWN
    clique: Annotated[str | None, DerivedFrom("gpus.fabric")] = None
    is_all_to_all: Annotated[bool | None, DerivedFrom("gpus.nvlink_peers")] = None
    """Whether every GPU reaches every other one over NVLink; None if unknown, or with one GPU."""
    is_mig_capable: Annotated[bool, DerivedFrom("gpus.is_mig_capable")] = False
    is_mps_capable: Annotated[bool, DerivedFrom("--config-file", "inventory.gpus.is_mig_enabled")] = False
    has_device_plugin: Annotated[bool, DerivedFrom("--allocation")] = True
    """Whether pods get GPUs from the device plugin; otherwise by Dynamic Resource Allocation."""


def resolve(
    inventory: Inventory,
    *,
    mig_strategy: str,
    sharing: Sharing | None = None,
    timestamp: int | None = None,
    has_device_plugin: bool = True,
) -> NodeFacts:
    """Apply a MIG strategy and sharing to ``inventory``.

    A GPU without a fact that the strategy needs is left out. Raises ProbeError if no GPU is left, if NVML
    hides MIG devices that the strategy needs, or if a fact of the whole node is missing; ConfigError if the
    configuration does not fit the hardware.
    """
    sharing = sharing or Sharing()
    vgpu = _find_vgpu_host(inventory)
    gpus, left_out = partition(mig_strategy, inventory.gpus, has_driver=inventory.discovery != "vfio")
    failed = tuple(sorted((*inventory.failed_gpus, *left_out), key=lambda gpu: gpu.index))
    if not gpus:
        if failed:
            raise _make_error(failed)
        return NodeFacts(
            mig_strategy=mig_strategy, timestamp=timestamp, vgpu=vgpu, has_device_plugin=has_device_plugin
        )
    model = choose_model(gpus)
    return NodeFacts(
        mig_strategy=mig_strategy,
        timestamp=timestamp,
        vgpu=vgpu,
        gpus=gpus,
        failed=failed,
        gpu=model.gpu,
        model=compose_product(model.name),
        models=count_models(gpus),
        resources=STRATEGIES[mig_strategy](gpus, model, sharing),
        driver=_find_driver_version(inventory),
        cuda=_find_cuda_version(inventory),
        machine=_find_machine(inventory),
        mode=_find_mode(gpus),
        clique=_find_clique(gpus),
        is_all_to_all=_is_all_to_all(gpus),
        is_mig_capable=any(gpu.is_mig_capable for gpu in gpus),
        # All GPUs count here: MPS does not work if a GPU that is left out has MIG enabled.
        is_mps_capable=_is_mps_capable(inventory.gpus, sharing),
        has_device_plugin=has_device_plugin,
    )


def _make_error(failed: tuple[FailedGpu, ...]) -> ProbeError:
    failure = failed[0].failure
    is_from_driver = not failure.source.startswith("/")
    advice = suggest_next_step([failure]) if is_from_driver else ""
    return ProbeError(f"none of {len(failed)} GPUs could be read: {failure.to_error()}", advice)


def _find_driver_version(inventory: Inventory) -> DriverVersion:
    if inventory.discovery != "nvml":
        return UNKNOWN_DRIVER
    version: str = require(inventory, "driver_version")
    parts = version.split(".")
    if len(parts) not in (2, 3):
        raise ProbeError(f"the driver's version «{version}» is not of the form X.Y or X.Y.Z")
    major, minor, revision = (_make_legal(part) for part in (*parts, "")[:3])
    return DriverVersion(full=_make_legal(version), major=major, minor=minor, revision=revision)


def _find_cuda_version(inventory: Inventory) -> CudaVersion | None:
    if inventory.discovery == "vfio":
        return NO_CUDA
    version: int = require(inventory, "cuda_version")
    if version < 0:
        return None
    # The original has a rule of its own for tegra. The two differ from minor version 10 on.
    step = 100 if inventory.discovery == "tegra" else 1000
    return CudaVersion(major=version // 1000, minor=version % step // 10)


def _find_machine(inventory: Inventory) -> str:
    if inventory.machine_type is None:
        return UNKNOWN
    return _make_legal(inventory.machine_type)


def _find_mode(gpus: tuple[Gpu, ...]) -> str:
    classes = {gpu.pci_class for gpu in gpus}
    return GPU_MODES.get(classes.pop() or 0, UNKNOWN) if len(classes) == 1 else UNKNOWN


def _find_clique(gpus: tuple[Gpu, ...]) -> str | None:
    # A GPU whose fabric cannot be read may belong to another clique.
    if any(failure.fact == "fabric" for gpu in gpus for failure in gpu.failures):
        return None
    fabrics = [gpu.fabric for gpu in gpus if gpu.fabric is not None and _is_attached(gpu.fabric)]
    cliques = {f"{fabric.cluster_uuid}.{fabric.clique_id}" for fabric in fabrics}
    return cliques.pop() if len(cliques) == 1 else None


def _is_all_to_all(gpus: tuple[Gpu, ...]) -> bool | None:
    peers = [gpu.nvlink_peers for gpu in gpus]
    if len(gpus) < 2 or None in peers:
        return None
    indices = {gpu.index for gpu in gpus}
    return all(indices <= {gpu.index, *(gpu.nvlink_peers or ())} for gpu in gpus)


def _is_attached(fabric: Fabric) -> bool:
    return fabric.state == FABRIC_COMPLETED and fabric.status == 0 and fabric.cluster_uuid != NO_CLUSTER_UUID


def _is_mps_capable(gpus: tuple[Gpu, ...], sharing: Sharing) -> bool:
    if sharing.strategy != "mps":
        return False
    for gpu in gpus:
        if gpu.is_mig_enabled:
            raise ConfigError(
                "sharing.mps",
                "config file",
                f"MPS cannot share GPU {gpu.index}, because MIG is enabled on it; use "
                "sharing.timeSlicing, or disable MIG",
            )
    return True


def _find_vgpu_host(inventory: Inventory) -> VgpuHost | None:
    vgpu = inventory.vgpu
    if vgpu is None:
        return None
    version, branch = vgpu.host_driver_version, vgpu.host_driver_branch
    return VgpuHost(
        is_present=vgpu.is_present,
        driver_version=None if version is None else _make_legal(version),
        driver_branch=None if branch is None else _make_legal(branch),
    )


def _make_legal(text: str) -> str:
    return truncate(sanitise(text))
