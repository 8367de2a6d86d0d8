"""What a cluster, a file or a simulated machine says about Dynamic Resource Allocation at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.model import ResourceSlice
from gfd.clusterview.dra.slices import check_version, read_slice
from gfd.clusterview.fields import read_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gfd.clusterview.dra.model import ResourceClaim

SLICE, CLAIM, TEMPLATE, CLASS = "ResourceSlice", "ResourceClaim", "ResourceClaimTemplate", "DeviceClass"
"""The kinds of resource.k8s.io that decide which devices a pod gets."""
COMMAND = "kubectl get nodes,resourceslices,resourceclaims,resourceclaimtemplates,deviceclasses -A -o json"
"""Prints all that a file of nodes can tell about claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A ResourceClaim, a ResourceClaimTemplate or a DeviceClass as the API server has it."""

    kind: str
    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraSnapshot:
    """The slices of all drivers, what claims hold, and the objects that pods and requests name."""

    slices: tuple[ResourceSlice, ...] = ()
    claims: tuple[ResourceClaim, ...] | None = ()
    """None without permission to list them."""
    objects: tuple[StoredObject, ...] = ()
    """The DeviceClasses, and the claims and templates that pods name; perhaps others as well."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """By kind: why it is unknown which objects of it there are, and what to do."""
    advice: str = ""
    """What to do if a node has no slices; empty if there is nothing that gfd could say."""
    absence: str = ""
    """Why nothing can be allocated at all: the cluster does not have the API; empty if it has."""


def pluralize_kind(kind: str) -> str:
    """Return the plural of a kind; in lower case, it is the name of the resource."""
    return f"{kind}es" if kind == CLASS else f"{kind}s"


def read_stored_object(kind: str, item: Mapping[str, Any]) -> StoredObject:
    """Return an object of a file.

    Raises ValueError for another version than resource.k8s.io/v1, or if it is malformed.
    """
    check_version(item, pluralize_kind(kind).lower())
    if not read_field(item, "metadata.name", str):
        raise ValueError("has no metadata.name")
    read_field(item, "metadata.namespace", str)
    read_field(item, "spec", dict)
    return StoredObject(kind=kind, item=item)


def _read_claim(item: Mapping[str, Any]) -> tuple[ResourceClaim, StoredObject]:
    return read_claim(item), read_stored_object(CLAIM, item)


READERS: Mapping[str, Callable[[Any], Any]] = {
    SLICE: read_slice,
    CLAIM: _read_claim,
    TEMPLATE: lambda item: read_stored_object(TEMPLATE, item),
    CLASS: lambda item: read_stored_object(CLASS, item),
}
"""How to read each kind for :func:`make_snapshot`; they raise ValueError."""


def make_snapshot(found: Iterable[object], source: str) -> DraSnapshot:
    """Return the snapshot of what :data:`READERS` return for the objects of a file; ``source`` is its name.

    A kind of which the file has nothing is unknown, but claims may be all absent.
    """
    slices: list[ResourceSlice] = []
    claims: list[ResourceClaim] = []
    objects: list[StoredObject] = []
    for each in found:
        if isinstance(each, ResourceSlice):
            slices.append(each)
        elif isinstance(each, StoredObject):
            objects.append(each)
        elif isinstance(each, tuple):
            claims.append(each[0])
            objects.append(each[1])
    kinds = {SLICE if slices else "", *(each.kind for each in objects)}
    return DraSnapshot(
        slices=tuple(slices),
        claims=tuple(claims),
        objects=tuple(objects),
        unknown={
            kind: f"{source} has no {pluralize_kind(kind)}; make it with {COMMAND}"
            for kind in (SLICE, CLAIM, TEMPLATE, CLASS)
            if kind not in kinds
        },
    )
