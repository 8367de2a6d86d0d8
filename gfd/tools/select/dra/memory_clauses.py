"""Build the clauses of a claim about memory, and about the memory in the name of a MIG profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.device_counts import GPU, MIG
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.kube.paths import DRA_DRIVER
from gfd.tools.claim_templates.expressions import ATTRIBUTES, CAPACITY, Interval, compare, is_one_of
from gfd.tools.memory_sizes import MIB
from gfd.tools.select.comparisons import read_memory, read_mig_memory
from gfd.tools.select.constraints import Range
from gfd.tools.select.dra.clause import DeviceClause, to_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gfd.clusterview.dra.model import Device
    from gfd.tools.select.constraints import AnyOf

_MEMORY = f"{CAPACITY}.memory"
_KEY = "memory"


def build_memory(texts: Sequence[str], *, is_mig: bool) -> DeviceClause:
    """Return the clause for --memory; the texts must be comparisons of memory."""
    intervals = _to_intervals(read_memory(texts, _KEY))
    return DeviceClause(
        option="--memory",
        text=",".join(texts),
        label=f"{MIG}*.memory" if is_mig else f"{GPU}.memory",
        expression=compare(_MEMORY, intervals, _to_quantity),
        accepts=lambda device: _has_memory(device, intervals),
        read_value=_describe_memory,
    )


def build_mig_memory(texts: Sequence[str], devices: Iterable[Device]) -> DeviceClause:
    """Return the clause for --mig-memory: the profiles among those of the devices, by the GB in their names.

    Raises ConfigError if none of them has that much memory.
    """
    groups: list[tuple[list[Interval], list[str]]] = []
    profiles = sorted({device.text("profile") for device in devices} - {""})
    for profile in profiles:
        constraints = read_mig_memory(texts, profile.replace("+", "."), _KEY)
        intervals = _to_intervals(constraints)
        same = next((names for found, names in groups if found == intervals), None)
        if constraints and same is None:
            groups.append((intervals, [profile]))
        elif same is not None:
            same.append(profile)
    if not groups:
        found = (
            f"MIG devices there: {', '.join(profiles)}" if profiles else "no ResourceSlice has MIG devices"
        )
        reason = f"{','.join(texts)} means no known MIG device; {found}; name a profile with --mig-profile"
        raise ConfigError("--mig-memory", COMMAND_LINE, reason)
    path = f"{ATTRIBUTES}.profile"
    parts = [
        is_one_of(path, names)
        + ("" if intervals == [Interval()] else f" &&\n{compare(_MEMORY, intervals, _to_quantity)}")
        for intervals, names in groups
    ]
    return DeviceClause(
        option="--mig-memory",
        text=",".join(texts),
        label="the memory in the name of nvidia.com/mig-*",
        expression=parts[0] if len(parts) == 1 else " ||\n".join(f"({part})" for part in parts),
        accepts=lambda device: any(
            device.text("profile") in names and (intervals == [Interval()] or _has_memory(device, intervals))
            for intervals, names in groups
        ),
        read_value=lambda device: device.text("profile"),
    )


def _to_intervals(constraints: AnyOf) -> list[Interval]:
    found = []
    for each in constraints:
        numbers = each.get(_KEY, Range())
        assert isinstance(numbers, Range)  # comparisons of memory are nothing else
        found.append(to_interval(numbers))
    return found


def _has_memory(device: Device, intervals: Sequence[Interval]) -> bool:
    memory = device.capacity.get(f"{DRA_DRIVER}/memory")
    return memory is not None and any(each.holds(memory / MIB) for each in intervals)


def _describe_memory(device: Device) -> str:
    memory = device.capacity.get(f"{DRA_DRIVER}/memory")
    return "" if memory is None else f"{int(memory / MIB)}Mi"


def _to_quantity(mib: Any) -> str:
    return f"quantity('{mib}Mi')"
