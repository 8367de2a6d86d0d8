"""Find out who gives the GPUs of a node to pods: the device plugin, or NVIDIA's driver by DRA."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from gfd.errors import ApiError
from gfd.kube.client import METADATA_LIST
from gfd.kube.objects import NODE_RESOURCES
from gfd.kube.paths import DRA_API, DRA_DRIVER, NODES, RESOURCE_SLICES, select_slices
from gfd.kube.quantities import parse

if TYPE_CHECKING:
    from gfd.kube.client import Api

GRANT = "manifests/components/allocation-auto or the chart (allocation=auto)"
_PLUGIN_RESOURCE = re.compile(r"nvidia\.com/(gpu|mig-.+)")
_FORBIDDEN, _NOT_FOUND = 403, 404


def is_allocated_by_dra(api: Api, node_name: str) -> bool:
    """Return whether the node has ResourceSlices of NVIDIA's driver and the device plugin offers nothing.

    Raises ApiError, with the missing right if there is one.
    """
    return _has_slices(api, node_name) and not _has_plugin_devices(api, node_name)


def has_dra_api(api: Api) -> bool:
    """Return whether the API server has resource.k8s.io/v1. Raises ApiError.

    A server without it also answers 403 to users who may not list what it does not have.
    """
    try:
        api.request("GET", DRA_API)
    except ApiError as error:
        if error.status in (_NOT_FOUND, _FORBIDDEN):
            return error.status == _FORBIDDEN
        raise
    return True


def _has_slices(api: Api, node_name: str) -> bool:
    query = {**select_slices(DRA_DRIVER, node_name), "limit": "1"}
    try:
        pages = api.pages(RESOURCE_SLICES, query=query, accept=METADATA_LIST)
        return any(page["items"] for page in pages)
    except ApiError as error:
        if error.status == _NOT_FOUND or (error.status == _FORBIDDEN and not has_dra_api(api)):
            return False
        raise _explain(error, "the verb list on resourceslices.resource.k8s.io") from error


def _has_plugin_devices(api: Api, node_name: str) -> bool:
    try:
        node = api.request("GET", f"{NODES}/{quote(node_name, safe='')}", schema=NODE_RESOURCES)
    except ApiError as error:
        raise _explain(error, "the verb get on nodes") from error
    offered = (node.get("status") or {}).get("allocatable") or {}
    # The kubelet keeps a resource with the amount 0 after its device plugin has gone.
    return any(_PLUGIN_RESOURCE.fullmatch(name) and parse(amount) > 0 for name, amount in offered.items())


def _explain(error: ApiError, right: str) -> ApiError:
    if error.status != _FORBIDDEN:
        return error
    return ApiError(f"{error}; grant {right}, as {GRANT} does", kind=error.kind, status=error.status)
