"""Learn the names of devices from the ResourceSlices of the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview import sources
from gfd.clusterview.device_counts import is_product
from gfd.errors import GfdError
from gfd.text import print_error
from gfd.tools.claim_templates.attribute_values import list_architectures
from gfd.tools.match.rewrite.products import ProductNames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gfd.clusterview.nodes import Node
    from gfd.config.model import LoadedConfig
    from gfd.tools.match.workloads.table import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known about the devices of the cluster."""

    names: ProductNames
    architectures: Mapping[str, str]
    """The names of the attribute, by the value of the label."""


def learn(
    loaded: LoadedConfig, workloads: Sequence[Workload], nodes_file: Path | None
) -> tuple[Knowledge, list[Node] | None]:
    """Return what is known about devices, and the nodes; None if those are unknown.

    A cluster is only asked if a pod names a product, and if it does not answer, a warning says so: gfd knows
    most names by itself. Raises GfdError if a file of nodes or a simulated machine cannot be used.
    """
    nodes = _read_nodes(loaded, workloads, nodes_file)
    devices = [device for node in nodes or () if node.dra for device in node.dra.devices]
    names = ProductNames(
        in_slices=frozenset({device.text("productName") for device in devices} - {""}),
        are_slices_known=bool(devices),
    )
    return Knowledge(names=names, architectures=list_architectures(devices)), nodes


def _read_nodes(
    loaded: LoadedConfig, workloads: Sequence[Workload], nodes_file: Path | None
) -> list[Node] | None:
    is_cluster = nodes_file is None and not loaded.config.simulate
    specs = [pod.spec for each in workloads for pod in each.pods]
    if is_cluster and not any(is_product(each.key) for spec in specs for each in spec.requirements()):
        return None
    try:
        return sources.read_nodes(loaded, nodes_file, has_slices=True, simulates_slices=True)
    except GfdError as error:
        if not is_cluster:
            raise
        print_error(f"warning: the names of GPUs come from gfd's own table, not from ResourceSlices: {error}")
        return None
