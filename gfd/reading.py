"""What one read of the hardware comes to: labels, and what a service tells about them.

It crosses from the process that reads to the one that publishes, as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.frozen import dataclass, field

if TYPE_CHECKING:
    from gfd.labels import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Labels and where they come from, in numbers."""

    labels: Labels
    gpus: int = 0
    """That could be read."""
    failed_gpus: dict[str, str] = field(default_factory=dict)
    """NVML's index of each GPU that is left out, and why."""
    failed_cards: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """The ``pci_address`` and ``uuid`` of each of them, None where unknown, by the same index."""
    unknown_memory: str = ""
    """Of which GPUs that count the memory could not be read, why, and the next step; empty where of none."""
    mig_devices: dict[str, int] = field(default_factory=dict)
    """By profile; empty where the strategy does not ask."""
    missing_driver: str | None = None
    """Why there is no driver, where a node without one is labelled as one without GPUs."""
    has_hardware: bool = True
    """Whether the PCI bus shows a GPU of NVIDIA; only looked for without a driver."""

    def warnings(self) -> list[str]:
        """Return what a person should know: which GPUs are left out, and of which the memory is unknown."""
        left_out = [f"GPU {index} is left out: {reason}" for index, reason in self.failed_gpus.items()]
        return [*left_out, *([self.unknown_memory] if self.unknown_memory else [])]
