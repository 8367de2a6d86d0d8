"""List the machines that gfd can simulate: built-in ones, and instance types of clouds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.errors import GfdError
from gfd.simulation import machines
from gfd.simulation.instance_types import list_instance_types
from gfd.text import quote
from gfd.tools.table import format_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.inventory.model import Gpu

_HEADING = ("NAME", "GPUS", "MEMORY", "MIG", "CPU", "RAM", "FROM", "DESCRIPTION")
_UNKNOWN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuKind:
    """The GPUs of one model in a machine."""

    name: str
    """The name that NVML returns."""
    count: int
    memory_mib: int | None
    """The memory of one GPU; None if NVML does not tell it."""
    mig_devices: int
    """The maximum number of MIG devices on one GPU; 0 without MIG."""
    mig_source: str | None
    """Where the memory and the engines of its MIG devices come from; None without MIG, or if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMachine:
    """A machine that ``--simulate`` can take."""

    name: str
    gpus: tuple[GpuKind, ...]
    cpus: int | None
    """None if the machine file does not say it."""
    memory_gib: float | None
    source: str
    """Where the data come from: ``real machine`` if they were read off one."""
    description: str


def list_machines(search: str | None = None) -> list[SimulatedMachine]:
    """Return the machines that have each word of ``search``, in any case. Raises GfdError if none has."""
    names = (*machines.list_names(), *list_instance_types())
    words = (search or "").lower().split()
    found = [each for each in map(_read, names) if all(word in _join_texts(each) for word in words)]
    if not found:
        reason = f"no machine has {quote(search or '')} in its name, its GPUs or its description"
        raise GfdError(f"{reason}; gfd machines lists all of them")
    return found


def format_machines(found: Iterable[SimulatedMachine], *, width: int | None, is_coloured: bool) -> str:
    """Return the table of ``gfd machines``. Where models differ, their cells have commas between them."""
    rows = [
        (
            each.name,
            ", ".join(f"{gpu.count} {gpu.name}" for gpu in each.gpus) or _UNKNOWN,
            _join(f"{gpu.memory_mib}Mi" if gpu.memory_mib else _UNKNOWN for gpu in each.gpus),
            _join(map(_describe_mig, each.gpus)),
            _UNKNOWN if each.cpus is None else str(each.cpus),
            _UNKNOWN if each.memory_gib is None else f"{each.memory_gib:g}Gi",
            each.source,
            each.description,
        )
        for each in found
    ]
    return format_table(rows, heading=_HEADING, width=width, is_coloured=is_coloured)


def to_plain(machine: SimulatedMachine) -> dict[str, Any]:
    """Return a machine as values that JSON can hold."""
    return {
        "name": machine.name,
        "gpus": [
            {
                "name": gpu.name,
                "count": gpu.count,
                "memory_mib": gpu.memory_mib,
                "mig_devices": gpu.mig_devices,
                "mig_source": gpu.mig_source,
            }
            for gpu in machine.gpus
        ],
        "cpus": machine.cpus,
        "memory_gib": machine.memory_gib,
        "source": machine.source,
        "description": machine.description,
    }


def _read(name: str) -> SimulatedMachine:
    instance = machines.find_instance_type(name)
    gpus = machines.read(name).gpus
    counts = Counter(gpu.name for gpu in gpus)
    sources = machines.find_mig_sources(name)
    return SimulatedMachine(
        name=name,
        gpus=tuple(
            _make_kind(gpu, counts[gpu.name], sources[gpu.name])
            for gpu in {gpu.name: gpu for gpu in gpus}.values()
        ),
        cpus=instance.cpus if instance else None,
        memory_gib=instance.memory_gib if instance else None,
        source=machines.find_source(name),
        description=machines.describe(name),
    )


def _describe_mig(gpu: GpuKind) -> str:
    if not gpu.mig_devices:
        return _UNKNOWN
    is_estimated = gpu.mig_source is not None and "estimated" in gpu.mig_source
    return f"up to {gpu.mig_devices}" + (f", {gpu.mig_source}" if is_estimated else "")


def _make_kind(gpu: Gpu, count: int, mig_source: str | None) -> GpuKind:
    return GpuKind(
        name=gpu.name,
        count=count,
        memory_mib=None if gpu.memory_bytes is None else gpu.memory_bytes // 2**20,
        mig_source=mig_source,
        mig_devices=max((profile.max_instances for profile in gpu.profiles), default=0),
    )


def _join_texts(machine: SimulatedMachine) -> str:
    texts = (machine.name, machine.description, machine.source, *(gpu.name for gpu in machine.gpus))
    return "\n".join((*texts, *(text.replace(" ", "-") for text in texts))).lower()


def _join(cells: Iterable[str]) -> str:
    """Return the cells with commas between them; one if all are equal."""
    return ", ".join(dict.fromkeys(cells)) or _UNKNOWN
