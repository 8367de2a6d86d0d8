"""Add up the devices of a cluster by product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.clusterview.gpus import NodeGpus


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductTotal:
    """The devices of one resource and product in a cluster."""

    product: str
    """As :func:`name_product` returns it; empty if unknown."""
    resource: str
    nodes: int
    """How many nodes offer such devices."""
    allocatable: int
    free: int | None
    """How many devices no pod requests; None if the pods of a node are unknown."""
    unusable: int
    """How many of the free devices are on nodes that take no new pods: not ready, or cordoned."""
    largest: int
    """The most devices that one pod can get today, on one node; 0 if there is none, or if that is unknown."""
    fitting: int
    """On how many nodes a pod can get :attr:`largest` devices."""
    tainted: int = 0
    """On how many of these nodes only a pod with a toleration can run."""


def name_product(gpus: NodeGpus) -> str:
    """Return the product of a node: all models if there are several, a cloud's name in parentheses."""
    if gpus.models:
        return " + ".join(gpus.models)
    return gpus.product or (f"({gpus.cloud_name})" if gpus.cloud_name else "")


def count_by_product(rows: Iterable[NodeGpus]) -> tuple[ProductTotal, ...]:
    """Return the totals of each product and resource, sorted by both."""
    groups: dict[tuple[str, str], list[NodeGpus]] = {}
    for gpus in rows:
        for resource, count in gpus.allocatable.items():
            if count:
                groups.setdefault((name_product(gpus), resource), []).append(gpus)
    return tuple(_add_up(*key, group) for key, group in sorted(groups.items()))


def to_plain(total: ProductTotal) -> dict[str, Any]:
    """Return a total as a dict; an unknown value is None."""
    is_known = total.free is not None
    return {
        "product": total.product or None,
        "resource": total.resource,
        "nodes": total.nodes,
        "allocatable": total.allocatable,
        "free": total.free,
        "free_unschedulable": total.unusable if is_known else None,
        "largest_free": total.largest if is_known else None,
        "nodes_with_largest_free": total.fitting if is_known else None,
        "tainted_nodes_with_largest_free": total.tainted if is_known else None,
    }


def _add_up(product: str, resource: str, group: list[NodeGpus]) -> ProductTotal:
    frees = [(gpus, gpus.free[resource]) for gpus in group if gpus.free is not None]
    usable = [(gpus, free) for gpus, free in frees if gpus.takes_pods]
    largest = max((free for _, free in usable), default=0)
    fitting = [gpus for gpus, free in usable if free == largest and largest]
    is_known = len(frees) == len(group)
    return ProductTotal(
        product=product,
        resource=resource,
        nodes=len(group),
        allocatable=sum(gpus.allocatable[resource] for gpus in group),
        free=sum(free for _, free in frees) if is_known else None,
        unusable=sum(free for _, free in frees) - sum(free for _, free in usable),
        largest=largest,
        fitting=len(fitting),
        tainted=sum(gpus.is_tainted for gpus in fitting),
    )
