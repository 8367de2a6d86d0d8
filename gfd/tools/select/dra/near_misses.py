"""Find the devices of ResourceSlices that come closest to a wish, and what they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.select import mismatch
from gfd.tools.select.dra.device_labels import label_devices
from gfd.tools.select.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gfd.clusterview.dra.model import Device
    from gfd.clusterview.nodes import Node
    from gfd.tools.select.query import DeviceQuery

_SOURCE = "value"
"""What devices may lack, where nodes lack a label."""


class NearMisses:
    """What the devices of the right DeviceClass lack, measured as without ``--dra``."""

    def __init__(self, query: DeviceQuery, nodes: Sequence[Node], accepts: Callable[[Device], bool]) -> None:
        """Compare the query with the devices of the nodes that ``accepts`` takes."""
        self._nodes = label_devices(nodes, accepts)
        self._selection = select(query, self._nodes)
        self._results = mismatch.evaluate(self._selection, self._nodes)

    @property
    def sentences(self) -> list[str]:
        """A sentence for each value that misses one criterion by little."""
        return mismatch.explain_near_misses(self._results, self._nodes)

    def explain(self) -> str:
        """Return what no device meets, and which devices come closest; the text completes "no device …".

        It is empty if there is no device without a taint.
        """
        if not self._nodes:
            return ""
        unmet = mismatch.find_unmet(self._results)
        if unmet is not None:
            return f"meets {unmet.criterion}; {mismatch.describe_closest(unmet, self._nodes, _SOURCE)}"
        closest = mismatch.describe_closest_node(self._selection, self._nodes, self._results, _SOURCE)
        return f"meets all criteria; {closest}"
