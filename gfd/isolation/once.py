"""One read for a command, in a child of the command's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gfd import cycle, probes
from gfd.isolation import child, wire
from gfd.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.inventory import Inventory
    from gfd.order import Order


def begin(order: Order) -> Callable[[], Reading]:
    """Begin to read; return what waits for the labels that ``order`` asks for. Both raise GfdError."""
    if order.inventory is not None and not order.templates:
        reading = cycle.answer(order, probes.Found(inventory=order.inventory))
        return lambda: reading
    began_s = time.monotonic()
    asked = child.start(lambda note: cycle.label(order, note))

    def wait() -> Reading:
        return Reading(**wire.read(child.finish(asked, order.config.probe_timeout_s, since_s=began_s)))

    return wait


def label(order: Order) -> Reading:
    """Return the labels that ``order`` asks for. Raises GfdError."""
    return begin(order)()


def take_snapshot(order: Order) -> Inventory:
    """Return the inventory of what ``order`` asks for. Raises GfdError."""
    plain = child.run(lambda note: cycle.read(order, note, is_complete=True), order.config.probe_timeout_s)
    return probes.from_plain(plain).inventory
