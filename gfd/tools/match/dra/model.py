"""What ResourceClaims and DeviceClasses ask for, as frozen values.

The fields are those of Kubernetes' ``staging/src/k8s.io/api/resource/v1/types.go``. The values are valid:
the modules that read them refuse all others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from gfd.clusterview.dra.model import Allocation
    from gfd.tools.match.podspec.scheduling import Toleration


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSelector:
    """A CEL expression that a device must meet."""

    expression: str
    place: str
    """Where the expression stands: ``pod.yaml:12``, or the object in the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """A request for devices of one DeviceClass: ``exactly``, or an entry of ``firstAvailable``."""

    name: str
    """As in the results of an allocation: ``gpu``, or ``gpu/large`` for an entry of firstAvailable."""
    class_name: str
    selectors: tuple[DeviceSelector, ...] = ()
    count: int | None = 1
    """How many devices; None means all that match (allocationMode All)."""
    has_admin_access: bool = False
    """Whether it is only for monitoring: devices that others hold count, and nothing is taken."""
    tolerations: tuple[Toleration, ...] = ()
    capacity: Mapping[str, Fraction] = field(default_factory=dict)
    """What the request takes of devices that claims share, by qualified name (DRAConsumableCapacity)."""
    place: str = ""
    """Where the request stands, like :attr:`DeviceSelector.place`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRequest:
    """A request with firstAvailable: the first alternative that a node has counts."""

    name: str
    alternatives: tuple[DeviceRequest, ...]
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimConstraint:
    """A condition on all devices of some requests together."""

    requests: tuple[str, ...] = ()
    """The requests by name, ``gpu`` or ``gpu/large``; empty means all of the claim."""
    match_attribute: str = ""
    """The qualified name of an attribute that must have the same value; empty without such a condition."""
    distinct_attribute: str = ""
    """The qualified name of an attribute whose values must differ; empty without such a condition."""

    @property
    def attribute(self) -> str:
        """The attribute that must be equal or different."""
        return self.match_attribute or self.distinct_attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSpec:
    """A ResourceClaim of a pod, or the claim that Kubernetes makes of its ResourceClaimTemplate."""

    name: str
    """The name of the entry in the pod's resourceClaims."""
    requests: tuple[DeviceRequest | ChoiceRequest, ...]
    constraints: tuple[ClaimConstraint, ...] = ()
    shared_as: str = ""
    """``namespace/name`` of the ResourceClaim that several pods share; empty for one made of a template."""
    allocations: tuple[Allocation, ...] | None = None
    """The devices that the claim already holds; None before it is allocated."""
    node_selector: Mapping[str, Any] | None = None
    """The nodes on which the devices that the claim holds can be used; None means all nodes."""
    is_terminating: bool = False
    """Whether the claim is being deleted: no pod starts with it."""
    unjudged: tuple[str, ...] = ()
    """What the claim has but gfd cannot judge: each a text that names the field and says why."""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClass:
    """A DeviceClass: selectors that hold for each request that names it."""

    name: str
    selectors: tuple[DeviceSelector, ...] = ()
    created_at: str = ""
    """The creationTimestamp, which sorts as text; empty for a class that is not in a cluster."""
    extended_resource: str = ""
    """The resource of containers that also asks for devices of this class; empty without one."""
