"""MIG of one GPU: the profiles on offer and the MIG devices there are."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import NvmlCallFailed
from gfd.inventory.model import Engines, Failure, MigDevice, MigProfile, Placement
from gfd.inventory.profiles import CI_PROFILES, GI_PROFILE_COUNT, GI_PROFILES, gi_name, mig_name
from gfd.probe.device_reader import DeviceReader
from gfd.probe.nvml import INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, SUCCESS, Handle, Session, failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.inventory.model import Gpu

_GONE = (INVALID_ARGUMENT, NOT_FOUND)
"""What NVML documents for a handle that is no longer valid, and for the id of an instance that is gone.

Not Supported, which some of these calls give without MIG mode, is a lasting answer as well, and Uninitialized
is not about the device.
"""

_SHARED_ENGINES = 0
"""NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED, the only one there is."""


class Catalogue(NamedTuple):
    """The profiles of one model, asked for once however many GPUs of it a node has."""

    gi_enums: dict[int, int]
    """GPU-instance profile id -> enum."""
    ci_enums: dict[tuple[int, int], int]
    """GPU-instance and compute-instance profile id -> enum; filled as devices need it."""
    profiles: tuple[MigProfile, ...] = ()
    failures: tuple[Failure, ...] = ()


class Parent(NamedTuple):
    """The GPU whose MIG devices are read."""

    session: Session
    handle: Any
    name: str
    """As messages name it: ``GPU 0``."""
    memory_bytes: int | None


class _Instance(NamedTuple):
    """The GPU instance of a MIG device."""

    handle: Any
    profile_id: int
    placement: Placement


def read_catalogue(parent: Parent) -> Catalogue:
    """Return the GPU-instance profiles that the GPU offers; NVML tells with MIG off too."""
    facts = DeviceReader(parent.session, parent.name)
    profiles = []
    gi_enums: dict[int, int] = {}
    for enum in range(GI_PROFILE_COUNT):
        try:
            info = parent.session.ask(
                "nvmlDeviceGetGpuInstanceProfileInfo", parent.handle, enum, 1, device=parent.name
            )
        except NvmlCallFailed as error:
            if error.code not in (NOT_SUPPORTED, INVALID_ARGUMENT) and not facts.failures:
                facts.record("profiles", error)
            continue
        gi_enums.setdefault(info.id, enum)
        if enum in GI_PROFILES and parent.memory_bytes:
            profiles.append(_profile(enum, info, parent.memory_bytes))
    return Catalogue(profiles=tuple(profiles), gi_enums=gi_enums, ci_enums={}, failures=tuple(facts.failures))


def _profile(enum: int, info: Any, memory_bytes: int) -> MigProfile:
    return MigProfile(
        name=gi_name(enum, info.memorySizeMB, memory_bytes),
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


def is_unsettled(gpu: Gpu) -> bool:
    """Return whether MIG devices went away while they were read."""
    failures = [failure for failure in gpu.failures if failure.fact == "mig_devices"]
    failures += [
        failure
        for device in gpu.mig_devices or ()
        for failure in device.failures
        if failure.fact != "uuid"  # no label needs it
    ]
    return any(failure.code in _GONE for failure in failures)


def read_devices(parent: Parent, catalogue: Catalogue) -> tuple[MigDevice, ...]:
    """Return the MIG devices of a MIG-enabled GPU. Raises NvmlCallFailed if they cannot be listed."""
    return tuple(_read_device(parent, catalogue, index, handle) for index, handle in list_handles(parent))


def list_handles(parent: Parent) -> Iterator[tuple[int, Any]]:
    """Yield index and handle of each MIG device. Raises NvmlCallFailed if they cannot be listed."""
    count = parent.session.ask("nvmlDeviceGetMaxMigDeviceCount", parent.handle, device=parent.name)
    function = "nvmlDeviceGetMigDeviceHandleByIndex"
    for index in range(count):
        device, handle = f"{parent.name} MIG {index}", Handle()
        answer = parent.session.call(function, parent.handle, index, ctypes.byref(handle), device=device)
        # The indices have holes: neither answer says that there are no more devices.
        if answer in (NOT_FOUND, INVALID_ARGUMENT):
            continue
        if answer != SUCCESS:
            raise failed(function, device, answer)
        yield index, handle


def _read_device(parent: Parent, catalogue: Catalogue, index: int, handle: Any) -> MigDevice:
    facts = DeviceReader(parent.session, f"{parent.name} MIG {index}")
    attributes = facts.read("attributes", "nvmlDeviceGetAttributes_v2", handle)
    gi_id = facts.read("gi_id", "nvmlDeviceGetGpuInstanceId", handle)
    instance = _read_instance(parent, facts, gi_id)
    ci_id = facts.read("ci_id", "nvmlDeviceGetComputeInstanceId", handle)
    profile = None
    if attributes is not None and instance is not None and ci_id is not None:
        try:
            profile = _read_profile(parent, catalogue, facts, instance, ci_id=ci_id, attributes=attributes)
        except NvmlCallFailed as error:
            facts.record("profile", error)
    else:
        # Without any of them there is no profile either.
        facts.failures.append(facts.failures[0]._replace(fact="profile"))
    return MigDevice(
        index=index,
        uuid=facts.read("uuid", "nvmlDeviceGetUUID", handle),
        gi_id=gi_id,
        ci_id=ci_id,
        placement=None if instance is None else instance.placement,
        profile=profile,
        gi_slices=attributes and attributes.gpuInstanceSliceCount,
        ci_slices=attributes and attributes.computeInstanceSliceCount,
        memory_mib=attributes and attributes.memorySizeMB,
        multiprocessors=attributes and attributes.multiprocessorCount,
        engines=attributes and engines_of(attributes),
        failures=tuple(facts.failures),
    )


def engines_of(attributes: Any) -> Engines:
    """Return the engines that nvmlDeviceAttributes_t tells of."""
    return Engines(
        copy=attributes.sharedCopyEngineCount,
        decoder=attributes.sharedDecoderCount,
        encoder=attributes.sharedEncoderCount,
        jpeg=attributes.sharedJpegCount,
        ofa=attributes.sharedOfaCount,
    )


def _read_instance(parent: Parent, facts: DeviceReader, gi_id: int | None) -> _Instance | None:
    if gi_id is None:
        facts.failures.append(facts.failures[-1]._replace(fact="placement"))
        return None
    gi = facts.read("placement", "nvmlDeviceGetGpuInstanceById", parent.handle, gi_id)
    info = None if gi is None else facts.read("placement", "nvmlGpuInstanceGetInfo", gi)
    if info is None:
        return None
    placement = Placement(start=info.placement.start, size=info.placement.size)
    return _Instance(handle=gi, profile_id=info.profileId, placement=placement)


def _read_profile(
    parent: Parent,
    catalogue: Catalogue,
    facts: DeviceReader,
    instance: _Instance,
    *,
    ci_id: int,
    attributes: Any,
) -> str | None:
    ask = parent.session.ask
    ci = ask("nvmlGpuInstanceGetComputeInstanceById", instance.handle, ci_id, device=facts.device)
    ci_info = ask("nvmlComputeInstanceGetInfo", ci, device=facts.device)
    gi_enum = catalogue.gi_enums.get(instance.profile_id)
    key = (instance.profile_id, ci_info.profileId)
    if key not in catalogue.ci_enums:
        likely_slices = attributes.computeInstanceSliceCount
        _find_ci_enum(facts, catalogue, instance.handle, key, likely_slices)
    ci_enum = catalogue.ci_enums.get(key)
    if not parent.memory_bytes:
        reason = "the memory of the GPU, which the profile's name depends on, could not be read"
    elif gi_enum is None or ci_enum is None:
        reason = f"no profile has GPU-instance id {key[0]} and compute-instance id {key[1]}"
    elif gi_enum not in GI_PROFILES:
        reason = f"GPU-instance profile {gi_enum} has no name yet"
    else:
        return mig_name(gi_enum, ci_enum, attributes.memorySizeMB, parent.memory_bytes)
    facts.failures.append(
        Failure(fact="profile", source="nvmlGpuInstanceGetInfo", device=facts.device, reason=reason)
    )
    return None


def _find_ci_enum(
    facts: DeviceReader, catalogue: Catalogue, gi: Any, key: tuple[int, int], likely_slices: int
) -> None:
    # NVML has no way from a compute-instance profile's id to its enum but asking for each.
    is_any_offered, refusal = False, None
    for enum in sorted(CI_PROFILES, key=lambda enum: CI_PROFILES[enum] != likely_slices):
        try:
            info = facts.session.ask(
                "nvmlGpuInstanceGetComputeInstanceProfileInfo",
                gi,
                enum,
                _SHARED_ENGINES,
                1,
                device=facts.device,
            )
        except NvmlCallFailed as error:
            if error.code == INVALID_ARGUMENT:
                refusal = error
            elif error.code != NOT_SUPPORTED:
                raise
            continue
        is_any_offered = True
        catalogue.ci_enums.setdefault((key[0], info.id), enum)
        if info.id == key[1]:
            return
    # An instance offers something; where it does not, it is the handle that is the invalid argument.
    if refusal is not None and not is_any_offered:
        raise refusal
