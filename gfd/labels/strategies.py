"""The MIG strategies decide which resources a node offers.

A strategy is a function in :data:`STRATEGIES`. Each lists the resource for full GPUs first, which also counts
GPUs in MIG mode. ``single`` replaces it with the MIG devices, ``mixed`` adds the MIG devices to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from gfd.labels.products import INVALID, compose_product
from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from gfd.inventory.model import Engines, Gpu, MigDevice
    from gfd.inventory.sources import DerivedFrom
    from gfd.labels.models import GpuModel
    from gfd.labels.sharing import Sharing

FULL_GPU = "gpu"

FAMILIES = {
    1: "tesla",
    2: "fermi",
    3: "kepler",
    5: "maxwell",
    6: "pascal",
    7: "volta",
    8: "ampere",
    9: "hopper",
    10: "blackwell",
    11: "blackwell",
    12: "blackwell",
    13: "rubin",
}
"""Major compute capability -> family. turing and ada-lovelace are missing: they share a major version.

11 is Thor; the original has no name for it.
"""


class Resource(NamedTuple):
    """A kind of device that pods can request."""

    name: Annotated[str, DerivedFrom("gpus", mig=("mig_devices.profile",), form="gpu|mig-.+")]
    """Without the prefix nvidia.com/: ``gpu``, ``mig-1g.5gb``."""
    product: Annotated[
        str,
        DerivedFrom("gpus.name", "--config-file", mig=("gpus.name", "mig_devices.profile", "--config-file")),
    ]
    count: Annotated[int, DerivedFrom("gpus", mig=("mig_devices",))]  # type: ignore[assignment]
    replicas: Annotated[int, DerivedFrom("--config-file", "gpus.is_mig_enabled", mig=("--config-file",))]
    sharing_strategy: Annotated[
        str, DerivedFrom("--config-file", "gpus.is_mig_enabled", mig=("--config-file",))
    ]
    memory_mib: Annotated[int | None, DerivedFrom("gpus.memory_bytes", mig=("mig_devices.memory_mib",))]
    """The memory of one device; None if NVML does not report it."""
    family: Annotated[
        str | None, DerivedFrom("gpus.compute_capability", vfio=("gpus.architecture", "gpus.name"))
    ] = None
    compute_major: Annotated[int | None, DerivedFrom("gpus.compute_capability")] = None
    compute_minor: Annotated[int | None, DerivedFrom("gpus.compute_capability")] = None
    multiprocessors: Annotated[
        int | None, DerivedFrom("gpus.multiprocessors", mig=("mig_devices.multiprocessors",))
    ] = None
    engines: Annotated[Engines | None, DerivedFrom("gpus.engines", mig=("mig_devices.engines",))] = None
    gi_slices: Annotated[int | None, DerivedFrom(mig=("mig_devices.gi_slices",))] = None
    """Compute slices of the GPU instance; None for a full GPU."""
    ci_slices: Annotated[int | None, DerivedFrom(mig=("mig_devices.ci_slices",))] = None
    gpus: tuple[Gpu, ...] = ()
    """The GPUs of this resource, or the GPUs of its MIG devices."""
    mig_devices: tuple[MigDevice, ...] = ()
    """The MIG devices of this resource; empty for full GPUs."""


Strategy = Callable[["tuple[Gpu, ...]", "GpuModel", "Sharing"], tuple[Resource, ...]]
"""A MIG strategy. It takes all GPUs, the model that describes them, and the sharing in force."""


def none(gpus: tuple[Gpu, ...], model: GpuModel, sharing: Sharing) -> tuple[Resource, ...]:
    """Offer full GPUs only."""
    return (_make_full_gpus(model, sharing),)


def single(gpus: tuple[Gpu, ...], model: GpuModel, sharing: Sharing) -> tuple[Resource, ...]:
    """Offer MIG devices instead of full GPUs; all must have one profile, and all GPUs be in MIG mode."""
    full = _make_full_gpus(model, sharing)
    enabled = [gpu for gpu in gpus if gpu.is_mig_enabled]
    if not enabled:
        return (full,)
    groups = {} if is_invalid_single(gpus) else _group_by_profile(gpus)
    if len(groups) != 1:
        return (_make_invalid(full, gpus, enabled[0]),)
    (offered,) = (
        _make_mig_devices(FULL_GPU, profile, devices, sharing) for profile, devices in groups.items()
    )
    return (
        offered._replace(
            family=full.family,
            compute_major=full.compute_major,
            compute_minor=full.compute_minor,
        ),
    )


def mixed(gpus: tuple[Gpu, ...], model: GpuModel, sharing: Sharing) -> tuple[Resource, ...]:
    """Offer full GPUs, and one resource for each MIG profile."""
    groups = _group_by_profile(gpus)
    return (
        _make_full_gpus(model, sharing),
        *(
            _make_mig_devices(f"mig-{profile}", profile, devices, sharing)
            for profile, devices in groups.items()
        ),
    )


STRATEGIES: dict[str, Strategy] = {"none": none, "single": single, "mixed": mixed}


def is_invalid_single(gpus: tuple[Gpu, ...]) -> bool:
    """Return whether ``single`` is invalid for ``gpus``, whatever profiles their MIG devices have."""
    enabled = [gpu for gpu in gpus if gpu.is_mig_enabled]
    return 0 < len(enabled) < len(gpus) or any(gpu.mig_devices == () for gpu in enabled)


def find_family(major: int, minor: int) -> str:
    """Return NVIDIA's family name for a compute capability; ``undefined`` if there is none."""
    if (major, minor) >= (7, 5) and major == 7:
        return "turing"
    if (major, minor) >= (8, 9) and major == 8:
        return "ada-lovelace"
    return FAMILIES.get(major, "undefined")


def _name_family(architecture: str | None) -> str:
    """Return the family of an architecture such as ``Ada Lovelace``; ``undefined`` if it is unknown."""
    return architecture.lower().replace(" ", "-") if architecture else "undefined"


def _make_full_gpus(model: GpuModel, sharing: Sharing) -> Resource:
    gpu = model.gpu
    major, minor = gpu.compute_capability or (0, 0)
    is_capability_known = major > 0 and minor >= 0
    # Without NVIDIA's driver there is no compute capability, but the chip's name tells the family.
    family = _name_family(gpu.architecture) if gpu.compute_capability is None else None
    sharing_labels = (
        _share(FULL_GPU, sharing, gpu.name)
        if model.is_full
        # Nobody shares GPUs in MIG mode: they are not offered as full GPUs.
        else {"product": compose_product(gpu.name), "replicas": 0, "sharing_strategy": "none"}
    )
    return Resource(
        name=FULL_GPU,
        count=len(model.gpus),
        memory_mib=_choose_memory_mib(model.gpus),
        family=find_family(major, minor) if is_capability_known else family,
        compute_major=major if is_capability_known else None,
        compute_minor=minor if is_capability_known else None,
        multiprocessors=gpu.multiprocessors,
        engines=gpu.engines,
        gpus=model.gpus,
        **sharing_labels,
    )


def _choose_memory_mib(gpus: tuple[Gpu, ...]) -> int | None:
    """Return the memory of the last full GPU, else of the last GPU in MIG mode; None if both are unknown.

    The original overwrites the label for each GPU of the model, so that the last one counts.
    """
    last = {gpu.is_mig_enabled: (gpu.memory_bytes or 0) // 2**20 for gpu in gpus}
    return next((mib for mib in (last.get(False, 0), last.get(True, 0)) if mib > 0), None)


def _make_mig_devices(
    name: str, profile: str, devices: list[tuple[Gpu, MigDevice]], sharing: Sharing
) -> Resource:
    parent, device = devices[0]
    return Resource(
        name=name,
        count=len(devices),
        memory_mib=device.memory_mib,
        multiprocessors=device.multiprocessors,
        engines=device.engines,
        gi_slices=device.gi_slices,
        ci_slices=device.ci_slices,
        gpus=tuple({id(gpu): gpu for gpu, _ in devices}.values()),
        mig_devices=tuple(member for _, member in devices),
        **_share(name, sharing, parent.name, "MIG", profile),
    )


def _make_invalid(full: Resource, gpus: tuple[Gpu, ...], first: Gpu) -> Resource:
    return full._replace(
        product=compose_product(first.name, "MIG", INVALID),
        count=0,
        replicas=0,
        sharing_strategy="",
        memory_mib=0,
        multiprocessors=None,
        engines=None,
        gpus=gpus,
        mig_devices=tuple(device for gpu in gpus for device in gpu.mig_devices or ()),
    )


def _group_by_profile(gpus: tuple[Gpu, ...]) -> dict[str, list[tuple[Gpu, MigDevice]]]:
    groups: dict[str, list[tuple[Gpu, MigDevice]]] = {}
    for gpu in gpus:
        for device in gpu.mig_devices or ():
            groups.setdefault(device.profile or "", []).append((gpu, device))
    return groups


def _share(resource: str, sharing: Sharing, *product: str) -> dict[str, Any]:
    replicas = sharing.count_replicas(VENDOR + resource)
    is_shared = replicas > 1
    return {
        "product": compose_product(*product, is_shared=is_shared and not sharing.is_renamed),
        "replicas": replicas,
        "sharing_strategy": sharing.strategy if is_shared else "none",
    }
