"""Check who offers the GPUs of the node to pods: the device plugin, NVIDIA's DRA driver, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gfd.clusterview.device_counts import select_devices
from gfd.clusterview.dra.api import SliceState, explain_forbidden, find_state
from gfd.clusterview.dra.device_counts import count_devices, count_taints
from gfd.clusterview.dra.index import index_objects
from gfd.clusterview.dra.slices import read_slice
from gfd.clusterview.fields import read_field
from gfd.clusterview.listing import list_objects
from gfd.clusterview.resources import read_counts
from gfd.errors import ApiError
from gfd.kube.objects import OBJECT
from gfd.kube.paths import DRA_DRIVER, NODES, RESOURCE_SLICES, select_slices
from gfd.tools.doctor.result import Check, ok, skip, warn
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.dra.index import NodePools
    from gfd.tools.doctor.cluster import Cluster
    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

_DRIVER = "NVIDIA's DRA driver"


def _check_devices(context: Context) -> CheckResult:
    cluster, name = context.require_cluster(), context.config.node_name
    if not name:
        return skip("the node name is unknown; set NODE_NAME (in a pod, from spec.nodeName)")
    plugin = _read_plugin(cluster, name)
    pools, state = _read_pools(cluster, name)
    facts = []
    if plugin is None:
        facts.append("whether a device plugin offers GPUs is unknown: the Node cannot be read")
    elif plugin:
        facts.append(f"the device plugin offers {_format(plugin)}")
    if state == "forbidden":
        facts.append(explain_forbidden("devices of ResourceSlices are", "resourceslices"))
    if pools is None:
        if not plugin:
            return skip("; ".join(facts) or f"neither a device plugin nor {_DRIVER} offers GPUs of this node")
        step = _explain_labels(context, has_plugin=True, has_devices=False)
        return warn("; ".join(facts), step) if step else ok("; ".join(facts))
    counts = {kind: each.total for kind, each in count_devices(pools).items()}
    facts.append(f"ResourceSlices of {_DRIVER} offer {_format(counts) or 'no device'}")
    facts += [
        f"{pluralize(count, 'device')} with the taint {taint}" for taint, count in count_taints(pools).items()
    ]
    step = ""
    if pools.problems:
        facts += pools.problems
        step = f"the scheduler takes no device of it; look at the pod of {_DRIVER} on this node"
    elif plugin and counts:
        step = "run only one of them on a node: each gives away GPUs that pods of the other already use"
    else:
        step = _explain_labels(context, has_plugin=bool(plugin), has_devices=bool(counts))
    return warn("; ".join(facts), step) if step else ok("; ".join(facts))


def _explain_labels(context: Context, *, has_plugin: bool, has_devices: bool) -> str:
    """Return the next step if the labels are not for the program that offers the GPUs; else nothing."""
    if has_devices and not has_plugin and context.config.has_device_plugin:
        return (
            "the labels are for a device plugin; set --allocation dra (GFD_ALLOCATION=dra; chart: "
            "allocation=dra), which leaves out what does not apply to DRA"
        )
    if has_plugin and not has_devices and not context.config.has_device_plugin:
        return (
            "the labels are for DRA, without MIG strategy and sharing; set --allocation device-plugin "
            "(GFD_ALLOCATION=device-plugin; chart: allocation=device-plugin)"
        )
    return ""


def _read_plugin(cluster: Cluster, name: str) -> dict[str, int] | None:
    """Return the devices that the device plugin offers; None if the Node cannot be read. Raises ApiError."""
    try:
        found = cluster.api.request("GET", f"{NODES}/{quote(name, safe='')}", schema=OBJECT)
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise
    return {name: count for name, count in select_devices(_read_capacity(found)).items() if count}


def _read_capacity(node: Mapping[str, Any]) -> dict[str, int]:
    return read_counts(read_field(node, "status.capacity", dict))


def _read_pools(cluster: Cluster, name: str) -> tuple[NodePools | None, SliceState]:
    """Return the pools of the node, and whether the ResourceSlices could be read. Raises ApiError."""
    query = select_slices(DRA_DRIVER, name)
    try:
        slices, _ = list_objects(cluster.api, RESOURCE_SLICES, read_slice, query=query, what="resourceslices")
    except ApiError as error:
        if (state := find_state(cluster.api, error)) is None:
            raise
        return None, state
    return index_objects(DRA_DRIVER, slices, ()).find(name), "read"


def _format(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


CHECKS = (Check(name="devices", run=_check_devices, needs_cluster=True),)
