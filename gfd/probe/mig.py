"""Read MIG of one GPU: the profiles it offers and its MIG devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import NvmlCallFailed
from gfd.inventory.model import Engines, FactFailure, MigDevice, MigProfile, Placement
from gfd.inventory.profiles import (
    CI_PROFILES,
    GI_PROFILE_COUNT,
    GI_PROFILES,
    format_gi_profile,
    format_mig_profile,
)
from gfd.probe.device_reader import DeviceReader
from gfd.probe.nvml import INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.inventory.model import Gpu

_GONE = (INVALID_ARGUMENT, NOT_FOUND)
"""The documented errors for a handle that is no longer valid, and for the id of a removed instance.

Not Supported, which some of these functions return without MIG mode, does not go away by reading again.
"""

_SHARED_ENGINES = 0
"""NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, the only engine profile."""


class OfferedProfiles(NamedTuple):
    """The profiles that one GPU model offers; read once per model, not per GPU."""

    gi_enums: dict[int, int]
    """GPU-instance profile id -> enum."""
    ci_enums: dict[tuple[int, int], int]
    """GPU-instance and compute-instance profile id -> enum; filled when a MIG device needs it."""
    profiles: tuple[MigProfile, ...] = ()
    failures: tuple[FactFailure, ...] = ()


class ParentGpu(NamedTuple):
    """The GPU whose MIG devices are read."""

    session: Session
    handle: Any
    device: str
    """Its name in messages: ``GPU 0``."""
    memory_bytes: int | None


class _Instance(NamedTuple):
    """The GPU instance of a MIG device."""

    handle: Any
    profile_id: int
    placement: Placement


def read_profiles(parent: ParentGpu) -> OfferedProfiles:
    """Return the GPU-instance profiles that the GPU offers, whether MIG is on or off."""
    reader = DeviceReader(parent.session, parent.device)
    profiles = []
    gi_enums: dict[int, int] = {}
    for enum in range(GI_PROFILE_COUNT):
        try:
            info = parent.session.call(
                "nvmlDeviceGetGpuInstanceProfileInfo", parent.handle, enum, 1, device=parent.device
            )
        except NvmlCallFailed as error:
            if error.code not in (NOT_SUPPORTED, INVALID_ARGUMENT) and not reader.failures:
                reader.record("profiles", error)
            continue
        gi_enums.setdefault(info.id, enum)
        if enum in GI_PROFILES and parent.memory_bytes:
            profiles.append(_to_profile(enum, info, parent.memory_bytes))
    return OfferedProfiles(
        profiles=tuple(profiles), gi_enums=gi_enums, ci_enums={}, failures=tuple(reader.failures)
    )


def _to_profile(enum: int, info: Any, memory_bytes: int) -> MigProfile:
    return MigProfile(
        name=format_gi_profile(enum, info.memorySizeMB, memory_bytes),
        enum=enum,
        id=info.id,
        slices=info.sliceCount,
        max_instances=info.instanceCount,
        memory_mib=info.memorySizeMB,
        multiprocessors=info.multiprocessorCount,
        engines=Engines(
            copy=info.copyEngineCount,
            decoder=info.decoderCount,
            encoder=info.encoderCount,
            jpeg=info.jpegCount,
            ofa=info.ofaCount,
        ),
    )


def has_changed(gpu: Gpu) -> bool:
    """Return whether a MIG device of ``gpu`` disappeared while it was read."""
    failures = [failure for failure in gpu.failures if failure.fact == "mig_devices"]
    failures += [
        failure
        for device in gpu.mig_devices or ()
        for failure in device.failures
        if failure.fact != "uuid"  # no label needs it
    ]
    return any(failure.code in _GONE for failure in failures)


def read_devices(parent: ParentGpu, offered: OfferedProfiles) -> tuple[MigDevice, ...]:
    """Return the MIG devices of a GPU in MIG mode. Raises NvmlCallFailed if they cannot be listed."""
    return tuple(_read_device(parent, offered, index, handle) for index, handle in _list_handles(parent))


def _list_handles(parent: ParentGpu) -> Iterator[tuple[int, Any]]:
    """Yield index and handle of each MIG device. Raises NvmlCallFailed if they cannot be listed."""
    for index in range(
        parent.session.call("nvmlDeviceGetMaxMigDeviceCount", parent.handle, device=parent.device)
    ):
        try:
            handle = parent.session.call(
                "nvmlDeviceGetMigDeviceHandleByIndex",
                parent.handle,
                index,
                device=f"{parent.device} MIG {index}",
            )
        except NvmlCallFailed as error:
            # Indices can be missing in the middle: these errors do not mean that no more devices follow.
            if error.code not in (NOT_FOUND, INVALID_ARGUMENT):
                raise
            continue
        yield index, handle


def _read_device(parent: ParentGpu, offered: OfferedProfiles, index: int, handle: Any) -> MigDevice:
    reader = DeviceReader(parent.session, f"{parent.device} MIG {index}")
    attributes = reader.read("attributes", "nvmlDeviceGetAttributes_v2", handle)
    gi_id = reader.read("gi_id", "nvmlDeviceGetGpuInstanceId", handle)
    instance = _read_instance(parent, reader, gi_id)
    ci_id = reader.read("ci_id", "nvmlDeviceGetComputeInstanceId", handle)
    profile = None
    if attributes is not None and instance is not None and ci_id is not None:
        try:
            profile = _read_profile(parent, offered, reader, instance, ci_id=ci_id, attributes=attributes)
        except NvmlCallFailed as error:
            reader.record("profile", error)
    else:
        # The profile depends on all three, so it fails for the same reason as the first that failed.
        reader.failures.append(reader.failures[0]._replace(fact="profile"))
    return MigDevice(
        index=index,
        uuid=reader.read("uuid", "nvmlDeviceGetUUID", handle),
        gi_id=gi_id,
        ci_id=ci_id,
        placement=None if instance is None else instance.placement,
        profile=profile,
        gi_slices=attributes and attributes.gpuInstanceSliceCount,
        ci_slices=attributes and attributes.computeInstanceSliceCount,
        memory_mib=attributes and attributes.memorySizeMB,
        multiprocessors=attributes and attributes.multiprocessorCount,
        engines=attributes and _to_engines(attributes),
        failures=tuple(reader.failures),
    )


def _to_engines(attributes: Any) -> Engines:
    return Engines(
        copy=attributes.sharedCopyEngineCount,
        decoder=attributes.sharedDecoderCount,
        encoder=attributes.sharedEncoderCount,
        jpeg=attributes.sharedJpegCount,
        ofa=attributes.sharedOfaCount,
    )


def _read_instance(parent: ParentGpu, reader: DeviceReader, gi_id: int | None) -> _Instance | None:
    if gi_id is None:
        reader.failures.append(reader.failures[-1]._replace(fact="placement"))
        return None
    gi = reader.read("placement", "nvmlDeviceGetGpuInstanceById", parent.handle, gi_id)
    info = None if gi is None else reader.read("placement", "nvmlGpuInstanceGetInfo", gi)
    if info is None:
        return None
    placement = Placement(start=info.placement.start, size=info.placement.size)
    return _Instance(handle=gi, profile_id=info.profileId, placement=placement)


def _read_profile(
    parent: ParentGpu,
    offered: OfferedProfiles,
    reader: DeviceReader,
    instance: _Instance,
    *,
    ci_id: int,
    attributes: Any,
) -> str | None:
    """Return the profile's name; record a failure and return None if it has none. Raises NvmlCallFailed."""
    call = parent.session.call
    ci = call("nvmlGpuInstanceGetComputeInstanceById", instance.handle, ci_id, device=reader.device)
    ci_info = call("nvmlComputeInstanceGetInfo", ci, device=reader.device)
    gi_enum = offered.gi_enums.get(instance.profile_id)
    key = (instance.profile_id, ci_info.profileId)
    if key not in offered.ci_enums:
        likely_slices = attributes.computeInstanceSliceCount
        _find_ci_enum(reader, offered, instance.handle, key, likely_slices)
    ci_enum = offered.ci_enums.get(key)
    if not parent.memory_bytes:
        reason = "the memory of the GPU, which the profile's name depends on, could not be read"
    elif gi_enum is None or ci_enum is None:
        reason = f"no profile has GPU-instance id {key[0]} and compute-instance id {key[1]}"
    elif gi_enum not in GI_PROFILES:
        reason = f"GPU-instance profile {gi_enum} has no name yet"
    else:
        return format_mig_profile(gi_enum, ci_enum, attributes.memorySizeMB, parent.memory_bytes)
    reader.failures.append(
        FactFailure(fact="profile", source="nvmlGpuInstanceGetInfo", device=reader.device, reason=reason)
    )
    return None


def _find_ci_enum(
    reader: DeviceReader, offered: OfferedProfiles, gi: Any, key: tuple[int, int], likely_slices: int
) -> None:
    """Add the enum for ``key`` to ``offered`` if NVML knows it: NVML can only list profiles by enum."""
    is_any_offered, first_error = False, None
    for enum in sorted(CI_PROFILES, key=lambda enum: CI_PROFILES[enum] != likely_slices):
        try:
            info = reader.session.call(
                "nvmlGpuInstanceGetComputeInstanceProfileInfo",
                gi,
                enum,
                _SHARED_ENGINES,
                1,
                device=reader.device,
            )
        except NvmlCallFailed as error:
            if error.code == INVALID_ARGUMENT:
                first_error = first_error or error
            elif error.code != NOT_SUPPORTED:
                raise
            continue
        is_any_offered = True
        offered.ci_enums.setdefault((key[0], info.id), enum)
        if info.id == key[1]:
            return
    # Every GPU instance offers some profile. If this one offers none, its handle is no longer valid.
    if first_error is not None and not is_any_offered:
        raise first_error
