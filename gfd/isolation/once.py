"""One read for a command, in a child of the command's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gfd import cycle, probes
from gfd.isolation import child, wire
from gfd.probe import ahead
from gfd.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.inventory import Inventory
    from gfd.limits import Note
    from gfd.order import Order


def begin(order: Order) -> Callable[[], Reading]:
    """Begin to read; return what waits for the labels that ``order`` asks for. Both raise GfdError."""
    if order.inventory is not None and not order.templates:
        reading = cycle.answer(order, probes.Found(inventory=order.inventory))
        return lambda: reading
    began_s = time.monotonic()
    asked = child.start(lambda note: _label(order, note))

    def wait() -> Reading:
        return Reading(**wire.read(child.finish(asked, order.config.probe_timeout_s, since_s=began_s)))

    return wait


def _label(order: Order, note: Note) -> dict[str, Any]:
    _begin_nvml(order, note)
    return cycle.label(order, note)


def label(order: Order) -> Reading:
    """Return the labels that ``order`` asks for. Raises GfdError."""
    return begin(order)()


def take_snapshot(order: Order) -> Inventory:
    """Return the inventory of what ``order`` asks for. Raises GfdError."""
    return probes.from_plain(
        child.run(lambda note: _read(order, note), order.config.probe_timeout_s)
    ).inventory


def _read(order: Order, note: Note) -> dict[str, Any]:
    _begin_nvml(order, note)
    return cycle.read(order, note, is_complete=True)


def _begin_nvml(order: Order, note: Note) -> None:
    if order.inventory is None and not order.config.simulate:
        ahead.begin(order.config.driver_root, note)
