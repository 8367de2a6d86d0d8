"""List ResourceSlices and ResourceClaims from the API server, and read what pods with claims name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.json_fields import ClaimPage, SlicePage
from gfd.clusterview.dra.slices import read_slice
from gfd.clusterview.dra.snapshot import (
    CLAIM,
    CLASS,
    SLICE,
    TEMPLATE,
    DraSnapshot,
    StoredObject,
    pluralize_kind,
)
from gfd.clusterview.listing import FORBIDDEN, list_objects
from gfd.errors import ApiError
from gfd.kube.allocation import has_dra_api
from gfd.kube.paths import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES, select_slices, templates_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import TypeVar

    from gfd.clusterview.dra.model import ResourceClaim, ResourceSlice
    from gfd.kube.client import Api

    T = TypeVar("T")

SliceState = Literal["read", "absent", "forbidden"]
"""``absent``: the API server has no resource.k8s.io/v1. ``forbidden``: the user may not list them."""
NOT_FOUND = 404
_ABSENCE = (
    "the cluster does not have resource.k8s.io/v1, so no pod with claims starts there; use a cluster with"
    " Kubernetes 1.34 or later, or request nvidia.com/gpu instead"
)


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


def read_snapshot(api: Api, *, claims: Collection[str], templates: Collection[str]) -> DraSnapshot:
    """Return the slices of all drivers, all claims and DeviceClasses. Raises ApiError.

    ``claims`` and ``templates`` are those that pods name, as ``namespace/name``; their specs are read, too.
    """
    slices, state = _list(api, RESOURCE_SLICES, read_slice, query={}, fields=SlicePage)
    if state == "absent":
        return DraSnapshot(absence=_ABSENCE)
    unknown = {} if state == "read" else {SLICE: explain_right("list", SLICE)}

    def convert(item: Mapping[str, Any]) -> tuple[ResourceClaim, StoredObject | None]:
        claim = read_claim(item)
        is_named = f"{claim.namespace}/{claim.name}" in claims
        return claim, StoredObject(kind=CLAIM, item=item) if is_named else None

    held, claim_state = _list(api, RESOURCE_CLAIMS, convert, query={}, fields=None)
    if claim_state != "read":
        unknown[CLAIM] = explain_right("list", CLAIM)
    classes = read_classes(api)
    unknown |= classes.unknown
    found, is_permitted = _read_templates(api, templates)
    if not is_permitted:
        unknown[TEMPLATE] = explain_right("get", TEMPLATE)
    return DraSnapshot(
        slices=slices,
        claims=tuple(claim for claim, _ in held) if claim_state == "read" else None,
        objects=(*classes.objects, *found, *(each for _, each in held if each)),
        unknown=unknown,
    )


def read_classes(api: Api) -> DraSnapshot:
    """Return the DeviceClasses only; none of a cluster without the API. Raises ApiError."""
    found, state = _list(
        api, DEVICE_CLASSES, lambda item: StoredObject(kind=CLASS, item=item), query={}, fields=None
    )
    return DraSnapshot(
        objects=found, unknown={CLASS: explain_right("list", CLASS)} if state == "forbidden" else {}
    )


def explain_right(verb: str, kind: str) -> str:
    """Return which right is missing to read the objects of a kind."""
    resource = pluralize_kind(kind).lower()
    return f"reading {resource} is forbidden; grant the verb {verb} on {resource}.resource.k8s.io"


def _read_templates(api: Api, names: Collection[str]) -> tuple[list[StoredObject], bool]:
    """Return the templates that are there, and whether the user may read them."""
    found = []
    for each in names:
        namespace, _, name = each.partition("/")
        try:
            item = api.request("GET", f"{templates_path(namespace)}/{quote(name, safe='')}")
        except ApiError as error:
            if error.status == FORBIDDEN:
                return [], False
            if error.status != NOT_FOUND:
                raise
        else:
            found.append(StoredObject(kind=TEMPLATE, item=item))
    return found, True


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
