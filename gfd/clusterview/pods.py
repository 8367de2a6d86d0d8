"""What the pods of a cluster request of its nodes, with as little to read as can be.

Most pods have nothing to do with GPUs, and the API server cannot be asked for those that have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.listing import collect, converted
from gfd.clusterview.nodes import PLACED, demand_of
from gfd.clusterview.progress import progress
from gfd.kube.objects import ITEM, list_of
from gfd.kube.paths import PODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Demand
    from gfd.kube.client import Api

REQUEST_COSTS = 30
"""Pods that are read in the time that a request for the pods of one node takes."""


def read_demands(api: Api, nodes: Sequence[str]) -> list[Demand]:
    """Return what is requested on ``nodes``, and perhaps on others. Raises ApiError.

    Few nodes are asked for one by one, many together with all others.
    """
    page = api.request("GET", PODS, query={"limit": "1"}, schema=list_of(ITEM))
    pods = len(page.get("items") or ()) + (page["metadata"].get("remainingItemCount") or 0)
    if pods <= len(nodes) * REQUEST_COSTS:
        return collect(api, PODS, demand_of, query=PLACED, what="pods")[0]
    found: list[Demand] = []
    with progress("pods of nodes") as show:
        for done, name in enumerate(nodes, 1):
            # From the server's memory, where pods are ordered by node; its store would be searched whole.
            query = {"fieldSelector": f"spec.nodeName={name}", "resourceVersion": "0"}
            found += (converted(demand_of, item, "pods") for item in api.list(PODS, query=query, item=ITEM))
            show(done, len(nodes))
    return found
