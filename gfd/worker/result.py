"""What one read of the hardware comes to: labels, and what a service tells about them.

It crosses from the process that reads to the one that publishes, as JSON.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import MalformedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.labels.syntax import Labels


NOTHING: Mapping[str, Any] = MappingProxyType({})


class CycleResult(NamedTuple):
    """Labels and where they come from, in numbers."""

    labels: Labels
    gpus: int = 0
    """That could be read."""
    failed_gpus: Mapping[str, str] = NOTHING
    """NVML's index of each GPU that is left out, and why."""
    failed_cards: Mapping[str, Mapping[str, str | None]] = NOTHING
    """The ``pci_address`` and ``uuid`` of each of them, None where unknown, by the same index."""
    unknown_memory: str = ""
    """Of which GPUs that count the memory could not be read, why, and the next step; empty where of none."""
    mig_devices: Mapping[str, int] = NOTHING
    """By profile; empty where the strategy does not ask."""
    missing_driver: str | None = None
    """Why there is no driver, where a node without one is labelled as one without GPUs."""
    has_hardware: bool = True
    """Whether the PCI bus shows a GPU of NVIDIA; only looked for without a driver."""

    def warnings(self) -> list[str]:
        """Return what a person should know: which GPUs are left out, and of which the memory is unknown."""
        left_out = [f"GPU {index} is left out: {reason}" for index, reason in self.failed_gpus.items()]
        return [*left_out, *([self.unknown_memory] if self.unknown_memory else [])]


def from_plain(plain: Any) -> CycleResult:
    """Return the reading that crossed as JSON. Raises MalformedAnswer where it is none."""
    check(plain)
    return CycleResult(**plain)


def check(plain: Any) -> None:
    """Find out whether what crossed as JSON is a reading. Raises MalformedAnswer."""
    if (
        not isinstance(plain, dict)
        or "labels" not in plain
        or not all(name in _CHECKS and _CHECKS[name](value) for name, value in plain.items())
        or not all(map(str.isdecimal, plain.get("failed_gpus", ())))
        or plain.get("failed_gpus", {}).keys() != plain.get("failed_cards", {}).keys()
    ):
        raise MalformedAnswer


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _maps_text_to(is_kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(is_kind, value.values()))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "labels": _maps_text_to(_is_text),
    "gpus": _is_count,
    "failed_gpus": _maps_text_to(_is_text),
    "failed_cards": _maps_text_to(_maps_text_to(_is_text_or_none)),
    "unknown_memory": _is_text,
    "mig_devices": _maps_text_to(_is_count),
    "missing_driver": _is_text_or_none,
    "has_hardware": lambda value: isinstance(value, bool),
}
