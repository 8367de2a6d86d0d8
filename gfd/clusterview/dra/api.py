"""List ResourceSlices and ResourceClaims from the API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.json_fields import ClaimPage, SlicePage
from gfd.clusterview.dra.slices import read_slice
from gfd.clusterview.listing import FORBIDDEN, list_objects
from gfd.errors import ApiError
from gfd.kube.allocation import has_dra_api
from gfd.kube.paths import RESOURCE_CLAIMS, RESOURCE_SLICES, select_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from gfd.clusterview.dra.model import ResourceClaim, ResourceSlice
    from gfd.kube.client import Api

    T = TypeVar("T")

SliceState = Literal["read", "absent", "forbidden"]
"""``absent``: the API server has no resource.k8s.io/v1. ``forbidden``: the user may not list them."""
NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class DraObjects:
    """The slices of a driver, and all claims."""

    state: SliceState = "read"
    """Whether the slices could be read."""
    slices: tuple[ResourceSlice, ...] = ()
    claims: tuple[ResourceClaim, ...] | None = ()
    """None without permission to list them."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unknown, and the permission that is missing."""
        if self.state == "forbidden":
            return (explain_forbidden("devices of ResourceSlices are", "resourceslices"),)
        if self.claims is None:
            return (explain_forbidden("allocated and free devices of ResourceSlices are", "resourceclaims"),)
        return ()


def explain_forbidden(what: str, resource: str) -> str:
    """Return that something is unknown, and the right that is missing."""
    return (
        f"{what} unknown: listing {resource} is forbidden; grant the verb list on {resource}.resource.k8s.io"
    )


def read_objects(api: Api, driver: str) -> DraObjects:
    """Return the slices of ``driver`` and, if there are any, all claims. Raises ApiError.

    A cluster without the API costs one request, which it answers with 404.
    """
    query = select_slices(driver)
    slices, state = _list(api, RESOURCE_SLICES, read_slice, query=query, fields=SlicePage)
    if not slices:
        return DraObjects(state=state)
    claims, claim_state = _list(api, RESOURCE_CLAIMS, read_claim, query={}, fields=ClaimPage)
    return DraObjects(slices=slices, claims=claims if claim_state == "read" else None)


def _list(
    api: Api,
    path: str,
    convert: Callable[[Mapping[str, Any]], T],
    *,
    query: Mapping[str, str],
    fields: Any,
) -> tuple[tuple[T, ...], SliceState]:
    what = path.rpartition("/")[2]
    try:
        return tuple(list_objects(api, path, convert, query=query, what=what, fields=fields)[0]), "read"
    except ApiError as error:
        if (state := find_state(api, error)) is None:
            raise
        return (), state


def find_state(api: Api, error: ApiError) -> SliceState | None:
    """Return what the error of a list of slices or claims means; None if it is another failure."""
    if error.status == NOT_FOUND:
        return "absent"
    return None if error.status != FORBIDDEN else "forbidden" if has_dra_api(api) else "absent"
