"""A node that does not exist yet, and the text that a format makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.labels.syntax import OPERATOR_KEY, VENDOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.nodes import Taint
    from gfd.inventory.model import Inventory
    from gfd.labels.syntax import Labels

GPU = "nvidia.com/gpu"
"""The resource that clouds know: autoscalers take its amount from the instance type."""


def is_gfd_key(key: str) -> bool:
    """Return whether a label with NVIDIA's prefix is gfd's, as far as the key tells."""
    return key.startswith(VENDOR) and not OPERATOR_KEY.fullmatch(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTemplate:
    """What a node will have."""

    name: str
    """The name of the object to print."""
    labels: Labels
    """gfd's labels, without those that are only known at run time."""
    is_selected: bool = False
    """Whether the user chose the labels; otherwise they are all labels."""
    capacity: Mapping[str, str] = field(default_factory=dict)
    """The quantities of the resources, by name."""
    allocatable: Mapping[str, str] = field(default_factory=dict)
    """Like :attr:`capacity`, without what is reserved for the system."""
    taints: tuple[Taint, ...] = ()
    instance_type: str = ""
    """The cloud's instance type; empty if unknown."""
    inventory: Inventory | None = None
    """The hardware of the machine; None if the template is a running node."""
    has_whole_gpus: bool = True
    """Whether the devices are whole GPUs that pods do not share, as the instance type says."""

    @property
    def offered(self) -> dict[str, str]:
        """Return :attr:`allocatable` with ``nvidia.com/gpu: 0`` if only other devices are offered.

        An autoscaler that takes the number of GPUs from the instance type would count them as well.
        """
        has_devices = any(name.startswith(GPU.partition("/")[0]) for name in self.allocatable)
        zero = {GPU: "0"} if has_devices and GPU not in self.allocatable else {}
        return dict(sorted({**self.allocatable, **zero}.items()))

    def explain_repeated_taints(self) -> list[str]:
        """Return a warning for each taint that a format with one taint per key cannot hold."""
        last = {taint.key: taint for taint in self.taints}
        return [
            f"the taint {taint} is left out: the tags hold one taint per key, and that is {last[taint.key]}"
            for taint in self.taints
            if taint is not last[taint.key]
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormattedTemplate:
    """The text for standard output, and what the format cannot say."""

    text: str
    warnings: tuple[str, ...] = ()
    """Sentences for a person: what was left out, why, and what to do."""
