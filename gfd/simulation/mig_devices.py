"""Create the MIG devices that NVML would show for a list of profiles.

The id of a GPU instance depends on its placement: 0 for the whole GPU, 1 and 2 for halves, 3 to 6 for
quarters, 7 to 14 for eighths, each from the lowest slice up, as in NVIDIA's document "MIG Support in
Kubernetes". (Some later drivers count the upper half of an A100 first.) Compute instances are numbered from
0 in their GPU instance, and MIG devices by GPU instance, then by compute instance.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from gfd.inventory.model import MigDevice, Placement
from gfd.inventory.profiles import CI_PROFILES, format_mig_profile
from gfd.simulation.placement import DoesNotFitError, Geometry, GpuInstance, place_instances

if TYPE_CHECKING:
    from collections.abc import Sequence

CI_SLICES = {1: (1,), 2: (1, 2), 3: (1, 2, 3), 4: (1, 2, 4), 7: (1, 2, 3, 4, 7)}
"""Compute slices of a GPU instance -> those that its compute instances can have (nvidia-smi mig -lcip)."""

_CI_ENUMS = {slices: enum for enum, slices in reversed(CI_PROFILES.items())}


def create_mig_devices(
    geometry: Geometry, wanted: Sequence[tuple[str, int]], *, gpu_uuid: str, memory_bytes: int
) -> tuple[MigDevice, ...]:
    """Return the MIG devices for ``wanted``: the number of each profile, by mig-parted's name.

    Raises :class:`DoesNotFitError`.
    """
    placed = place_instances(geometry, _group_instances(geometry, wanted))
    by_id = {geometry.memory_slices // i.offer.size - 1 + i.start // i.offer.size: i for i in placed}
    devices: list[MigDevice] = []
    for gi_id, instance in sorted(by_id.items()):
        for ci_id in range(len(instance.ci_slices)):
            index = len(devices)
            devices.append(_create_device(geometry, instance, (index, gi_id, ci_id), gpu_uuid, memory_bytes))
    return tuple(devices)


def _group_instances(geometry: Geometry, wanted: Sequence[tuple[str, int]]) -> list[GpuInstance]:
    """Return the GPU instances for ``wanted``; fill one with compute instances before the next."""
    offers = {offer.profile.name.replace("+", "."): offer for offer in geometry.offers}
    grouped: list[GpuInstance] = []
    open_ones: dict[str, list[list[int]]] = {}
    for name, number in wanted:
        slices, _, gi_name = name.replace("+", ".").rpartition("c.")
        offer = offers.get(gi_name)
        if offer is None or (slices and not slices.isdigit()):
            known = ", ".join(offer.profile.name for offer in geometry.offers)
            raise DoesNotFitError(f"the GPU does not support {name}; it supports {known}")
        ci_slices = int(slices) if slices else offer.profile.slices
        if ci_slices not in CI_SLICES.get(offer.profile.slices, (offer.profile.slices,)):
            raise DoesNotFitError(f"{offer.profile.name} has no compute instance with {ci_slices} slices")
        most = offer.profile.max_instances * (offer.profile.slices // ci_slices)
        if number > most:
            raise DoesNotFitError(f"{number} × {name} is too many; at most {most} fit")  # noqa: RUF001
        filled = open_ones.setdefault(gi_name, [])
        for _ in range(number):
            if not filled or sum(filled[-1]) + ci_slices > offer.profile.slices:
                filled.append([])
            filled[-1].append(ci_slices)
    for gi_name, filled in open_ones.items():
        grouped += [GpuInstance(offer=offers[gi_name], ci_slices=tuple(sizes)) for sizes in filled]
    return grouped


def _create_device(
    geometry: Geometry, instance: GpuInstance, ids: tuple[int, int, int], gpu_uuid: str, memory_bytes: int
) -> MigDevice:
    profile, (index, gi_id, ci_id) = instance.offer.profile, ids
    ci_slices = instance.ci_slices[ci_id]
    multiprocessors = profile.multiprocessors
    if ci_slices < profile.slices:
        # Since Hopper, a GPU instance has more multiprocessors than its slices add up to. Only a compute
        # instance of full size can use the rest.
        multiprocessors = ci_slices * min(
            offer.profile.multiprocessors // offer.profile.slices for offer in geometry.offers
        )
    return MigDevice(
        index=index,
        uuid=f"MIG-{uuid.uuid5(uuid.NAMESPACE_OID, f'{gpu_uuid}/{gi_id}/{ci_id}')}",
        gi_id=gi_id,
        ci_id=ci_id,
        placement=Placement(start=instance.start, size=instance.offer.size),
        profile=format_mig_profile(profile.enum, _CI_ENUMS[ci_slices], profile.memory_mib, memory_bytes),
        gi_slices=profile.slices,
        ci_slices=ci_slices,
        memory_mib=profile.memory_mib,
        multiprocessors=multiprocessors,
        engines=profile.engines,
    )
