"""Refuse wishes that a ResourceClaim cannot express."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from gfd.tools.select.query import DeviceQuery


def check_options(query: DeviceQuery) -> None:
    """Raise ConfigError for a wish that a ResourceClaim cannot express."""
    if query.is_shared:
        reason = (
            "cannot be used with --dra: a ResourceClaim takes whole devices; leave --shared out, and let the "
            "pods use one ResourceClaim together"
        )
        raise ConfigError("--shared", COMMAND_LINE, reason)
    if query.gpus_per_node:
        reason = (
            "cannot be used with --dra: a ResourceClaim describes devices, not their node; leave it out, and "
            "write nvidia.com/gpu.count into the nodeAffinity of the pod if the nodes have this label"
        )
        raise ConfigError("--gpus-per-node", COMMAND_LINE, reason)
