"""Make the machine from which gfd reads a given inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.inventory.profiles import CI_PROFILES, GI_PROFILES
from tests.standin.machine import Fault, Standin, StandinGpu, StandinMig, StandinProfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.inventory.model import FactFailure, Gpu, Inventory, MigDevice

_BRANDS = (
    *("unknown", "quadro", "tesla", "nvs", "grid", "geforce", "titan", "nvidiavapps", "nvidiavpc"),
    *("nvidiavcs", "nvidiavws", "nvidiacloudgaming", "quadrortx", "nvidiartx", "nvidia", "geforcertx"),
    "titanrtx",
)
"""NVML_BRAND_* in order, in lower case and without blanks."""

_ARCHITECTURES = {
    "kepler": 2,
    "maxwell": 3,
    "pascal": 4,
    "volta": 5,
    "turing": 6,
    "ampere": 7,
    "adalovelace": 8,
    "hopper": 9,
    "blackwell": 10,
    "rubin": 13,
}
"""NVML_DEVICE_ARCH_*."""


def from_inventory(inventory: Inventory) -> Standin:
    """Return the machine from which gfd reads ``inventory``, except for facts that do not come from NVML.

    Failures of NVML functions become faults. Gaps between the GPUs' indices become display boards, which gfd
    skips.
    """
    failures: list[FactFailure] = [*inventory.failures]
    by_index = {gpu.index: gpu for gpu in inventory.gpus}
    for gpu in inventory.gpus:
        failures += gpu.failures
        failures += [failure for device in gpu.mig_devices or () for failure in device.failures]
    failed = {failed.index: failed.failure for failed in inventory.failed_gpus}
    gpus = []
    for index in range(max((*by_index, *failed), default=-1) + 1):
        if index in by_index:
            gpus.append(_gpu(by_index[index]))
        else:
            gpus.append(StandinGpu(name="Failed" if index in failed else "NVIDIA DGX Display"))
    driver, cuda = inventory.driver_version, inventory.cuda_version
    return Standin(
        driver=driver,
        nvml=f"{cuda // 1000}.{driver}" if driver and cuda else None,
        cuda=cuda,
        gpus=tuple(gpus),
        faults=tuple(dict.fromkeys(_faults([*failures, *failed.values()]))),
    )


def _gpu(gpu: Gpu) -> StandinGpu:
    profiles = [
        StandinProfile(
            name=profile.name,
            enum=profile.enum,
            id=profile.id,
            slices=profile.slices,
            max=profile.max_instances,
            memory_mib=profile.memory_mib,
            sm=profile.multiprocessors,
            copy=profile.engines.copy,
            decoder=profile.engines.decoder,
            encoder=profile.engines.encoder,
            jpeg=profile.engines.jpeg,
            ofa=profile.engines.ofa,
        )
        for profile in gpu.profiles
    ]
    migs = [_mig(device, gpu.name, profiles) for device in gpu.mig_devices or ()]
    brand, fabric = _plain(gpu.brand or ""), gpu.fabric
    return StandinGpu(
        name=gpu.name.encode(errors="surrogateescape"),
        uuid=gpu.uuid,
        brand=_BRANDS.index(brand) if brand in _BRANDS else None,
        architecture=_ARCHITECTURES.get(_plain(gpu.architecture or "")),
        cc_major=gpu.compute_capability and gpu.compute_capability[0],
        cc_minor=gpu.compute_capability and gpu.compute_capability[1],
        memory=gpu.memory_bytes,
        pci=gpu.pci_address and _bus_id(gpu.pci_address),
        pci_device_id=gpu.pci_device_id,
        minor=gpu.index,
        pcie_generation=gpu.pcie_generation,
        pcie_width=gpu.pcie_width,
        power_limit=gpu.power_limit_mw,
        power_default=gpu.power_default_limit_mw,
        nvlinks=gpu.nvlink_links,
        nvlinks_active=gpu.nvlink_links,
        nvlink_peers=None if gpu.nvlink_peers is None else sum(1 << peer for peer in gpu.nvlink_peers),
        mig=gpu.is_mig_enabled if gpu.is_mig_capable else None,
        max_mig=max((7, *(profile.max for profile in profiles), *(mig.index + 1 for mig in migs))),
        fabric_state=fabric.state if fabric else None,
        fabric_status=fabric.status if fabric else None,
        fabric_cluster=fabric.cluster_uuid.replace("-", "") if fabric else None,
        fabric_clique=fabric.clique_id if fabric else None,
        profiles=tuple(profiles),
        migs=tuple(migs),
    )


def _mig(device: MigDevice, gpu_name: str, profiles: list[StandinProfile]) -> StandinMig:
    """Return the device. Add its profile to ``profiles`` if the GPU does not offer it."""
    gi_profile, ci_enum = None, None
    if device.profile is not None:
        ci, gi = device.profile.split(".", 1) if "c." in device.profile else ("", device.profile)
        found = [profile for profile in profiles if profile.name.replace("+", ".") == gi]
        if not found:
            found = [_profile_called(gi, device)]
            profiles += found
        gi_profile = found[0].id
        slices = int(ci[:-1]) if ci else found[0].slices
        ci_enum = min(enum for enum, count in CI_PROFILES.items() if count == slices)
    engines, placement = device.engines, device.placement
    return StandinMig(
        index=device.index,
        uuid=device.uuid,
        name=f"{gpu_name} MIG {device.profile}".encode(errors="surrogateescape"),
        gi=device.gi_id,
        ci=device.ci_id,
        gi_profile=gi_profile,
        ci_enum=ci_enum,
        start=placement.start if placement else None,
        size=placement.size if placement else None,
        gi_slices=device.gi_slices,
        ci_slices=device.ci_slices,
        memory_mib=device.memory_mib,
        sm=device.multiprocessors,
        copy=engines.copy if engines else None,
        decoder=engines.decoder if engines else None,
        encoder=engines.encoder if engines else None,
        jpeg=engines.jpeg if engines else None,
        ofa=engines.ofa if engines else None,
    )


def _profile_called(name: str, device: MigDevice) -> StandinProfile:
    slices, rest = name.split("g.", 1)
    suffix = rest.split("gb", 1)[1]
    suffix = f"+{suffix[1:]}" if suffix.startswith(".") else suffix
    enum = min(enum for enum, known in GI_PROFILES.items() if known == (int(slices), suffix))
    return StandinProfile(
        name=name, enum=enum, id=100 + enum, slices=int(slices), memory_mib=device.memory_mib or 0
    )


def _faults(failures: Iterable[FactFailure]) -> Iterator[Fault]:
    for failure in failures:
        if failure.code is None or not failure.source.startswith("nvml"):
            continue
        words = failure.device.split()
        yield Fault(
            function=failure.source,
            gpu=int(words[1]) if len(words) > 1 else None,
            mig=int(words[3]) if len(words) > 3 else -1 if words else None,
            error=failure.code,
        )


def _bus_id(address: str) -> str:
    domain, rest = address.split(":", 1)
    return f"{int(domain, 16):08X}:{rest.upper()}"


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())
