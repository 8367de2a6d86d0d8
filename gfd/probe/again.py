"""A GPU that was read before: only what can have changed is asked again.

Asked again is who it is (UUID), its MIG mode, its memory (ECC), its fabric, and which MIG devices it has,
each by UUID and attributes. Where all of that is as before, the rest is taken from the read before: names,
compute capability and PCI facts of a GPU are settled by its UUID and the driver's version, a MIG device's
profile, ids and placement by its UUID and attributes. Where anything differs or fails, the caller reads all
of the GPU anew.

Who remembers, and for how long, is for :mod:`gfd.worker.fork_server_main` to say.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from gfd.errors import NvmlCallFailed
from gfd.probe import mig, sysfs
from gfd.probe.device_reader import DeviceReader
from gfd.probe.nvml import SUCCESS, UUID_BYTES, Attributes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gfd.inventory.model import Fabric, Gpu, MigDevice
    from gfd.probe.nvml import Session


def read_gpu(
    session: Session,
    handle: Any,
    known: Gpu,
    root: Path,
    read_fabric: Callable[[DeviceReader, Any], Fabric | None],
) -> Gpu | None:
    """Return what ``known`` is now; None where that takes a whole reading."""
    if known.failures and not _lacks_its_class_still(known, root):
        return None
    facts = DeviceReader(session, f"GPU {known.index}")
    try:
        is_same = _is_same(facts, handle, known)
    except NvmlCallFailed:
        return None
    fabric = read_fabric(facts, handle)
    if not is_same or facts.failures:
        return None
    return known if fabric == known.fabric else known._replace(fabric=fabric)


def _lacks_its_class_still(known: Gpu, root: Path) -> bool:
    """Return whether its PCI class, which a container may not see, is all that could not be read."""
    if any(failure.fact != "pci_class" for failure in known.failures):
        return False
    return not sysfs.shows(known.pci_address or "", root)


def _is_same(facts: DeviceReader, handle: Any, known: Gpu) -> bool:
    if known.uuid is None or facts.ask_if_known("nvmlDeviceGetUUID", handle) != known.uuid:
        return False
    mode = facts.ask_if_known("nvmlDeviceGetMigMode", handle)
    is_mig_enabled = mode is not None and mode[0] == 1
    if (mode is not None, is_mig_enabled) != (known.is_mig_capable, known.is_mig_enabled):
        return False
    memory = facts.ask_if_known("nvmlDeviceGetMemoryInfo", handle)
    if (memory and memory.total) != known.memory_bytes:
        return False
    return not known.is_mig_enabled or _has_same_devices(facts, handle, known)


def _has_same_devices(facts: DeviceReader, handle: Any, known: Gpu) -> bool:
    parent = mig.Parent(
        session=facts.session, handle=handle, name=facts.device, memory_bytes=known.memory_bytes
    )
    left = {device.index: device for device in known.mig_devices or ()}
    answers = _Answers(facts.session)
    for index, device_handle in mig.list_handles(parent):
        device = left.pop(index, None)
        name = f"{parent.name} MIG {index}"
        if device is None or not answers.are_same(device_handle, device, name):
            return False
    return not left


class _Answers:
    """What MIG devices answer, one after another into the same memory."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._uuid = ctypes.create_string_buffer(UUID_BYTES)
        self._attributes = Attributes()

    def are_same(self, handle: Any, known: MigDevice, device: str) -> bool:
        """Return whether ``device`` is still what is known of it."""
        call = self._session.call
        return (
            not known.failures
            and call("nvmlDeviceGetUUID", handle, self._uuid, UUID_BYTES, device=device) == SUCCESS
            and self._uuid.value.decode(errors="replace") == known.uuid
            and call("nvmlDeviceGetAttributes_v2", handle, ctypes.byref(self._attributes), device=device)
            == SUCCESS
            and _are_those_of(self._attributes, known)
        )


def _are_those_of(attributes: Any, known: MigDevice) -> bool:
    engines = known.engines
    return engines is not None and bool(
        attributes.gpuInstanceSliceCount == known.gi_slices
        and attributes.computeInstanceSliceCount == known.ci_slices
        and attributes.memorySizeMB == known.memory_mib
        and attributes.multiprocessorCount == known.multiprocessors
        and attributes.sharedCopyEngineCount == engines.copy
        and attributes.sharedDecoderCount == engines.decoder
        and attributes.sharedEncoderCount == engines.encoder
        and attributes.sharedJpegCount == engines.jpeg
        and attributes.sharedOfaCount == engines.ofa
    )
