"""Read how GPUs are connected by NVLink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import NvmlCallFailed
from gfd.probe.device_reader import DeviceReader
from gfd.probe.nvml import INVALID_ARGUMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.inventory.model import Gpu
    from gfd.probe.nvml import Session

MAX_LINKS = 36
"""NVML_NVLINK_MAX_LINKS."""

_NVLINK = 2
"""NVML_P2P_CAPS_INDEX_NVLINK."""
_CONNECTED = 0
"""NVML_P2P_STATUS_OK."""


def count_links(reader: DeviceReader, handle: Any) -> int | None:
    """Return the number of active NVLink links of a GPU; None if it has no NVLink or it cannot be read."""
    states = []
    try:
        for link in range(MAX_LINKS):
            state = reader.call_if_available("nvmlDeviceGetNvLinkState", handle, link)
            if state is None and link == 0:
                return None
            states.append(state or 0)
    except NvmlCallFailed as error:
        # The GPU has no link with this number.
        if error.code != INVALID_ARGUMENT:
            reader.record("nvlink_links", error)
            return None
    return sum(states) if states else None


def add_peers(session: Session, gpus: list[Gpu], handles: Mapping[int, Any]) -> list[Gpu]:
    """Return ``gpus``, each with the GPUs that it reaches over NVLink. ``handles`` are by index."""
    return [_add_peers(DeviceReader(session, f"GPU {gpu.index}"), gpu, gpus, handles) for gpu in gpus]


def _add_peers(reader: DeviceReader, gpu: Gpu, gpus: list[Gpu], handles: Mapping[int, Any]) -> Gpu:
    peers: list[int] = []
    for other in gpus:
        if other.index == gpu.index:
            continue
        pair = handles[gpu.index], handles[other.index]
        status = reader.read_optional("nvlink_peers", "nvmlDeviceGetP2PStatus", *pair, _NVLINK)
        if status is None:
            return gpu._replace(failures=(*gpu.failures, *reader.failures))
        if status == _CONNECTED:
            peers.append(other.index)
    return gpu._replace(nvlink_peers=tuple(peers))
