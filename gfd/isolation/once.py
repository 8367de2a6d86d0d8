"""One read for a command, in a child of the command's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd import cycle, snapshot
from gfd.inventory import Inventory
from gfd.isolation import child
from gfd.reading import Reading

if TYPE_CHECKING:
    from gfd.order import Order


def label(order: Order) -> Reading:
    """Return the labels that ``order`` asks for. Raises GfdError."""
    return Reading(**_run(order))


def take_snapshot(order: Order) -> Inventory:
    """Return the inventory of what ``order`` asks for. Raises GfdError."""
    inventory = snapshot.from_plain(Inventory, _run(order), "the reading")
    assert isinstance(inventory, Inventory)
    return inventory


def _run(order: Order) -> dict[str, Any]:
    return child.run(lambda note: cycle.JOBS[order.job](order, note), order.config.probe_timeout_s)
