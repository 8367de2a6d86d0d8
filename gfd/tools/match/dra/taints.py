"""Find the taint of a device that keeps a request away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.clusterview.dra.model import Device, DeviceTaint
    from gfd.tools.match.dra.model import DeviceRequest


def find_barrier(device: Device, request: DeviceRequest) -> DeviceTaint | None:
    """Return the first taint that keeps claims away and that the request does not tolerate."""
    for taint in device.taints:
        if taint.is_blocking and not any(each.tolerates(taint) for each in request.tolerations):
            return taint
    return None
