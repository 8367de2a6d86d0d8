"""One read for a command, in a child of the command's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gfd import cycle, probes

# What child and parent both need is imported once, before forking.
from gfd import snapshot as _snapshot  # noqa: F401
from gfd.isolation import child, wire
from gfd.reading import Reading

if TYPE_CHECKING:
    from gfd.inventory import Inventory
    from gfd.order import Order


def label(order: Order) -> Reading:
    """Return the labels that ``order`` asks for. Raises GfdError."""
    if order.templates:
        return Reading(**child.run(lambda note: cycle.label(order, note), order.config.probe_timeout_s))
    if order.inventory is not None:
        return cycle.answer(order, probes.Found(inventory=order.inventory))
    began_s = time.monotonic()
    asked = child.start(lambda note: cycle.read(order, note))
    cycle.prepare(order)  # while the child waits for NVML
    line = child.finish(asked, order.config.probe_timeout_s, since_s=began_s)
    return cycle.answer(order, probes.from_plain(wire.read(line)))


def take_snapshot(order: Order) -> Inventory:
    """Return the inventory of what ``order`` asks for. Raises GfdError."""
    plain = child.run(lambda note: cycle.read(order, note, is_complete=True), order.config.probe_timeout_s)
    return probes.from_plain(plain).inventory
