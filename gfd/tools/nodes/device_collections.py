"""Watch ResourceSlices and ResourceClaims for ``gfd nodes --watch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.api import explain_forbidden, find_state
from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.json_fields import ClaimPage, SlicePage
from gfd.clusterview.dra.slices import read_slice
from gfd.kube.paths import DRA_DRIVER, RESOURCE_CLAIMS, RESOURCE_SLICES, select_slices
from gfd.text import print_error
from gfd.tools.nodes.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.dra.model import ResourceClaim, ResourceSlice
    from gfd.errors import ApiError
    from gfd.kube.client import Api


def watch_slices(api: Api) -> Collection[ResourceSlice]:
    """Return the ResourceSlices of NVIDIA's DRA driver, by UID."""
    query = select_slices(DRA_DRIVER)
    return Collection(
        api, RESOURCE_SLICES, _read_keyed_slice, query=query, what="resourceslices", fields=SlicePage
    )


def watch_claims(api: Api) -> Collection[ResourceClaim]:
    """Return the ResourceClaims of all namespaces, by UID."""
    return Collection(api, RESOURCE_CLAIMS, _read_keyed_claim, what="resourceclaims", fields=ClaimPage)


def print_unknown(collection: Collection[Any], error: ApiError, what: str, *, is_needed: bool = True) -> None:
    """Print that ``what`` is unknown, if it needs a right; raise ``error`` if it is another failure."""
    state = find_state(collection.api, error)
    if state is None:
        raise error
    if state == "forbidden" and is_needed:
        print_error(f"warning: {explain_forbidden(what, collection.what)}")


def _read_keyed_slice(item: Mapping[str, Any]) -> tuple[str, ResourceSlice]:
    return item["metadata"]["uid"], read_slice(item)


def _read_keyed_claim(item: Mapping[str, Any]) -> tuple[str, ResourceClaim]:
    return item["metadata"]["uid"], read_claim(item)
