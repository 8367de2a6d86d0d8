"""Decide whether the GPUs of this node are ready, and which events tell about a change. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gfd.errors import DriverUnavailable, GfdError
from gfd.publishing.node_events import NodeEvent
from gfd.text import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.worker.result import CycleResult

READY, GPU_FAILED, DRIVER_NOT_FOUND, LABELS_STALE, NO_GPU = (
    "AllGPUsRead",
    "GPUFailed",
    "DriverNotFound",
    "LabelsStale",
    "NoGPU",
)
"""The reasons of the condition."""
MAX_MESSAGE = 500
_DRIVER, _READ, _GPUS = "the driver", "the read", "the GPUs"
_EVENT_REASONS = {
    _DRIVER: (DRIVER_NOT_FOUND, "DriverFound"),
    _READ: (LABELS_STALE, "GPUsReadable"),
    _GPUS: (NO_GPU, "GPUFound"),
}
"""The reasons of the events when a problem begins and ends; other problems are about one GPU."""
_GPU_REASONS = (GPU_FAILED, "GPURecovered")
_NOTICES = {
    _DRIVER: "the NVIDIA driver can be used",
    _READ: "the GPUs can be read again",
    _GPUS: "the driver finds GPUs again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the GPUs can be used, as one read of the hardware says."""

    reason: str
    message: str
    problems: Mapping[str, str] = field(default_factory=dict)
    """A sentence for each problem, by its subject: the driver, the read, or a GPU."""

    @property
    def is_ready(self) -> bool:
        """Whether all GPUs could be read."""
        return self.reason == READY

    @property
    def has_read(self) -> bool:
        """Whether the driver answered, so that the state of each GPU is known."""
        return self.reason in (READY, GPU_FAILED)

    def is_like(self, other: Readiness) -> bool:
        """Return whether ``other`` has the same reason and problems, perhaps with other words."""
        return self.reason == other.reason and self.problems.keys() == other.problems.keys()


def assess(read: CycleResult | GfdError) -> Readiness:
    """Return what the result of a read, or its error, says about the GPUs."""
    if isinstance(read, DriverUnavailable):
        return _describe_missing_driver(str(read))
    if isinstance(read, GfdError):
        text = shorten(f"the GPUs cannot be read, and their labels are stale: {read}", MAX_MESSAGE)
        return Readiness(reason=LABELS_STALE, message=text, problems={_READ: text})
    if read.missing_driver is not None:
        if read.has_hardware:
            return _describe_missing_driver(read.missing_driver)
        return Readiness(reason=NO_GPU, message="this node has no NVIDIA GPU and no driver")
    return _describe_gpus(read)


def make_events(known: Mapping[str, str], seen: Readiness) -> list[NodeEvent]:
    """Return the events for a change: a warning for each new problem, a notice for each one that ended.

    ``known`` are the problems before; only a read of the GPUs can show that one has ended.
    """
    events = [
        NodeEvent(type="Warning", reason=_EVENT_REASONS.get(subject, _GPU_REASONS)[0], message=text)
        for subject, text in seen.problems.items()
        if subject not in known
    ]
    ended = [subject for subject in known if subject not in seen.problems] if seen.has_read else []
    return events + [
        NodeEvent(
            type="Normal",
            reason=_EVENT_REASONS.get(subject, _GPU_REASONS)[1],
            message=_NOTICES.get(subject, f"{subject} can be read again"),
        )
        for subject in ended
    ]


def update_problems(known: Mapping[str, str], seen: Readiness) -> Mapping[str, str]:
    """Return the problems after a change; without a read of the GPUs, those ``known`` before stay."""
    return seen.problems if seen.has_read else {**known, **seen.problems}


def restore(reason: str, message: str) -> Readiness:
    """Return what the condition of an earlier process says; which GPUs had failed is not known."""
    subject = {first: subject for subject, (first, _) in _EVENT_REASONS.items()}.get(reason)
    if reason == GPU_FAILED:
        subject = "each GPU that had failed"
    return Readiness(reason=reason, message=message, problems={subject: message} if subject else {})


def _describe_gpus(read: CycleResult) -> Readiness:
    total = read.gpus + len(read.failed_gpus)
    if not total:
        text = "the driver is loaded, but finds no GPU"
        return Readiness(reason=NO_GPU, message=text, problems={_GPUS: text})
    if not read.failed_gpus:
        return Readiness(reason=READY, message=f"{_count_gpus(total)} can be read")
    problems = {}
    for index, reason in read.failed_gpus.items():
        card = read.failed_cards[index]
        where = ", ".join(filter(None, (card.get("pci_address"), card.get("uuid"))))
        name = f"GPU {index} ({where})" if where else f"GPU {index}"
        problems[name] = shorten(f"{name} cannot be read: {reason}", MAX_MESSAGE)
    text = f"{len(problems)} of {_count_gpus(total)} cannot be read: {'; '.join(problems.values())}"
    return Readiness(reason=GPU_FAILED, message=shorten(text, MAX_MESSAGE), problems=problems)


def _describe_missing_driver(reason: str) -> Readiness:
    text = shorten(f"the node has a GPU, but its driver cannot be used: {reason}", MAX_MESSAGE)
    return Readiness(reason=DRIVER_NOT_FOUND, message=text, problems={_DRIVER: text})


def _count_gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"
