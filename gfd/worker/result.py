"""The result of a read: the labels, and the data that the service reports.

The process that reads sends it as JSON to the process that publishes.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import MalformedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.labels.syntax import Labels


_EMPTY: Mapping[str, Any] = MappingProxyType({})


class CycleResult(NamedTuple):
    """The labels of a node, and how many devices they describe."""

    labels: Labels
    gpus: int = 0
    """How many GPUs were read."""
    failed_gpus: Mapping[str, str] = _EMPTY
    """The reason why a GPU is left out, by its NVML index."""
    failed_cards: Mapping[str, Mapping[str, str | None]] = _EMPTY
    """``pci_address`` and ``uuid`` of the GPUs that are left out, by NVML index; None if unknown."""
    unknown_memory: str = ""
    """The counted GPUs whose memory could not be read, with reason and next step; empty if there are none."""
    mig_devices: Mapping[str, int] = _EMPTY
    """How many MIG devices there are, by profile; empty if the strategy does not need them."""
    missing_driver: str | None = None
    """Why there is no driver; None if there is one. Without a driver, the labels are those without GPUs."""
    has_hardware: bool = True
    """Whether the PCI bus shows an NVIDIA GPU, or this is a Tegra machine; only checked without a driver."""

    def warnings(self) -> list[str]:
        """Return the warnings for a person: the GPUs left out, and those whose memory is unknown."""
        left_out = [f"GPU {index} is left out: {reason}" for index, reason in self.failed_gpus.items()]
        return [*left_out, *([self.unknown_memory] if self.unknown_memory else [])]


def from_plain(plain: Any) -> CycleResult:
    """Return the result from its JSON form. Raises MalformedAnswer if it is malformed."""
    if (
        not isinstance(plain, dict)
        or "labels" not in plain
        or not all(name in _CHECKS and _CHECKS[name](value) for name, value in plain.items())
        or not all(map(str.isdecimal, plain.get("failed_gpus", ())))
        or plain.get("failed_gpus", {}).keys() != plain.get("failed_cards", {}).keys()
    ):
        raise MalformedAnswer
    return CycleResult(**plain)


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
