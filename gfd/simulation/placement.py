"""Where GPU instances lie on a GPU.

A profile fits at certain starts, takes ``size`` memory slices from there, and has its share of compute
slices and media engines. The driver places an instance as it is asked for, at the first free start of the
order that the data gives (inferred from examples in NVIDIA's MIG user guide: 1g tries 6, 4, 5, 0 …), and
mig-parted tries one order of asking after the other. Here the larger come first and the search goes back
where that leads nowhere, so that a layout is refused only if no arrangement of it exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.inventory.model import MigProfile

_TIMES = "\N{MULTIPLICATION SIGN}"
_MEDIA = ("decoder", "encoder", "jpeg", "ofa")


class Offer(NamedTuple):
    """A profile that a GPU offers, and where it fits."""

    profile: MigProfile
    size: int
    """Memory slices."""
    starts: tuple[int, ...]
    """In the order in which the driver tries them."""


class Geometry(NamedTuple):
    """What a GPU model can be divided into."""

    memory_slices: int
    compute_slices: int
    offers: tuple[Offer, ...]
    balanced: tuple[tuple[str, int], ...] = ()
    """MIG devices of mig-parted's layout all-balanced, with their numbers."""


class GpuInstance(NamedTuple):
    """A GPU instance to be, and the compute slices of the compute instances in it."""

    offer: Offer
    ci_slices: tuple[int, ...]
    start: int = 0


class DoesNotFitError(Exception):
    """A layout that the GPU cannot have; the text says why."""


def place_instances(geometry: Geometry, instances: Sequence[GpuInstance]) -> tuple[GpuInstance, ...]:
    """Return ``instances`` with their starts. Raises :class:`DoesNotFitError`."""
    ranked = sorted(instances, key=_sort_key)
    _check_limits(geometry, ranked)
    placed = _search(geometry, ranked)
    if placed is None:
        raise DoesNotFitError(_explain_failure(geometry, ranked))
    return placed


def _search(geometry: Geometry, instances: Sequence[GpuInstance]) -> tuple[GpuInstance, ...] | None:
    """Return ``instances`` with starts at which none overlap, or None if there are no such starts."""

    def go_on(number: int, taken: int) -> tuple[GpuInstance, ...] | None:
        if number == len(instances):
            return ()
        offer = instances[number].offer
        for start in offer.starts:
            slices = ((1 << offer.size) - 1) << start
            if not slices & taken:
                rest = go_on(number + 1, taken | slices)
                if rest is not None:
                    placed = GpuInstance(offer=offer, ci_slices=instances[number].ci_slices, start=start)
                    return (placed, *rest)
        return None

    # More slices than there are would make the search go through every arrangement in vain.
    if sum(instance.offer.size for instance in instances) > geometry.memory_slices:
        return None
    return go_on(0, 0)


def _sort_key(instance: GpuInstance) -> tuple[int, int, int]:
    profile = instance.offer.profile
    return -instance.offer.size, -profile.slices, profile.enum


def _check_limits(geometry: Geometry, instances: Sequence[GpuInstance]) -> None:
    for offer in geometry.offers:
        number = sum(instance.offer is offer for instance in instances)
        if number > offer.profile.max_instances:
            most = offer.profile.max_instances
            raise DoesNotFitError(f"{number} {_TIMES} {offer.profile.name} is too many, at most {most} fit")
    needed = sum(instance.offer.profile.slices for instance in instances)
    if needed > geometry.compute_slices:
        raise DoesNotFitError(
            f"{_format_instances(instances)} need {needed} compute slices, it has {geometry.compute_slices}"
        )
    # The media engines make +me one of a kind, and let nothing but -me stand beside +me.all.
    for engine in _MEDIA:
        needed = sum(getattr(instance.offer.profile.engines, engine) for instance in instances)
        there_are = max((getattr(o.profile.engines, engine) for o in geometry.offers), default=0)
        if needed > there_are:
            takers = [i for i in instances if getattr(i.offer.profile.engines, engine)]
            names = _format_instances(takers)
            raise DoesNotFitError(f"{names} need {needed} {engine} engines, it has {there_are}")


def _explain_failure(geometry: Geometry, instances: Sequence[GpuInstance]) -> str:
    fitting = 0
    while _search(geometry, instances[: fitting + 1]) is not None:
        fitting += 1
    used = sum(instance.offer.size for instance in instances[:fitting])
    every = "all " if used == geometry.memory_slices else f"{used} of "
    room = f"no room for {instances[fitting].offer.profile.name}"
    names = _format_instances(instances[:fitting])
    return f"{names} use {every}{geometry.memory_slices} memory slices; {room}"


def _format_instances(instances: Sequence[GpuInstance]) -> str:
    names = [instance.offer.profile.name for instance in instances]
    return ", ".join(f"{names.count(name)} {_TIMES} {name}" for name in dict.fromkeys(names))
