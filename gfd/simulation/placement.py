"""Place GPU instances on a GPU.

A profile has possible starts, takes ``size`` memory slices, and uses compute slices and media engines. The
driver places each instance at the first free start, in the order of the data (inferred from examples in
NVIDIA's MIG user guide: 1g tries 6, 4, 5, 0 …), and mig-parted tries one order of instances after the other.
Here the largest instances come first, with backtracking, so that a layout fails only if no placement exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.inventory.model import MigProfile

_TIMES = "\N{MULTIPLICATION SIGN}"
_MEDIA = ("decoder", "encoder", "jpeg", "ofa")


class Offer(NamedTuple):
    """A profile that a GPU supports, and its possible placements."""

    profile: MigProfile
    size: int
    """The number of memory slices."""
    starts: tuple[int, ...]
    """The possible first memory slices, in the order in which the driver tries them."""


class Geometry(NamedTuple):
    """The MIG profiles of a GPU model."""

    memory_slices: int
    compute_slices: int
    offers: tuple[Offer, ...]
    balanced: tuple[tuple[str, int], ...] = ()
    """The number of each profile in mig-parted's layout all-balanced."""


class GpuInstance(NamedTuple):
    """A GPU instance, and the compute slices of each of its compute instances."""

    offer: Offer
    ci_slices: tuple[int, ...]
    start: int = 0


class DoesNotFitError(Exception):
    """The GPU does not support the layout; the text is the reason."""


def place_instances(geometry: Geometry, instances: Sequence[GpuInstance]) -> tuple[GpuInstance, ...]:
    """Find a start for each instance. Raises :class:`DoesNotFitError`."""
    ranked = sorted(instances, key=_sort_key)
    _check_limits(geometry, ranked)
    placed = _search(geometry, ranked)
    if placed is None:
        raise DoesNotFitError(_explain_failure(geometry, ranked))
    return placed


def _search(geometry: Geometry, instances: Sequence[GpuInstance]) -> tuple[GpuInstance, ...] | None:
    """Find starts without overlap; return None if there are none."""

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

    # Without this check, the search would try every arrangement in vain.
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
            raise DoesNotFitError(f"{number} {_TIMES} {offer.profile.name} is too many; at most {most} fit")
    needed = sum(instance.offer.profile.slices for instance in instances)
    if needed > geometry.compute_slices:
        raise DoesNotFitError(
            f"{_format_instances(instances)} need {needed} compute slices; "
            f"the GPU has {geometry.compute_slices}"
        )
    # The media engines allow one instance with +me, and only -me beside +me.all.
    for engine in _MEDIA:
        needed = sum(getattr(instance.offer.profile.engines, engine) for instance in instances)
        limit = max((getattr(o.profile.engines, engine) for o in geometry.offers), default=0)
        if needed > limit:
            takers = [i for i in instances if getattr(i.offer.profile.engines, engine)]
            names = _format_instances(takers)
            raise DoesNotFitError(f"{names} need {needed} {engine} engines; the GPU has {limit}")


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
