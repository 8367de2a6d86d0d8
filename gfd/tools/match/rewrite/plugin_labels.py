"""Labels that mean the device plugin: with ``--allocation dra``, gfd does not write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR
from gfd.tools.match.rewrite.kinds import SHARING, SHARING_STEP
from gfd.tools.match.rewrite.translation import Outcome, Translation, lose

if TYPE_CHECKING:
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.rewrite.kinds import DeviceKind

_STRATEGY = f"{VENDOR}mig.strategy"
_UNSHARED = {".replicas": "1", ".sharing-strategy": "none"}
"""The ends of labels of each resource, and their values if pods do not share devices."""
_MPS = f"{VENDOR}mps.capable"


def is_plugin_label(key: str) -> bool:
    """Return whether a label means the device plugin."""
    return key in (_STRATEGY, _MPS) or (key.startswith(VENDOR) and key.endswith(tuple(_UNSHARED)))


def translate_plugin_label(requirement: Requirement, kind: DeviceKind | None) -> Translation:
    """Return what becomes of a requirement on such a label.

    It is implied if nodes without the label meet it, or nodes whose devices are like those of a claim.
    """
    key = requirement.key
    values = [None, _find_own_value(key, kind)]
    if any(requirement.matches({} if value is None else {key: value}) for value in values):
        return Translation(outcome=Outcome.IMPLIED)
    left_out = "is left out, since no node with DRA has this label"
    if key == _STRATEGY:
        step = (
            "name the MIG profile instead, in nvidia.com/gpu.product or as the resource "
            "nvidia.com/mig-<profile>"
        )
        return lose(requirement, left_out, step)
    return lose(requirement, f"{left_out}: {SHARING}", SHARING_STEP)


def _find_own_value(key: str, kind: DeviceKind | None) -> str | None:
    """Return the value that nodes with the same devices, each for one pod, have; None without one."""
    if key == _STRATEGY:
        if kind is None or not kind.profile:
            return None
        return "single" if kind.is_named_by_product else "mixed"
    if key == _MPS:
        return "false"
    return next(value for end, value in _UNSHARED.items() if key.endswith(end))
