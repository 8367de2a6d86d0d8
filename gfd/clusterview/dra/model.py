"""Devices, pools and claims of resource.k8s.io/v1, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from fractions import Fraction

API_VERSION = "resource.k8s.io/v1"
BLOCKING_EFFECTS = ("NoSchedule", "NoExecute")
"""The effects of device taints that keep claims away; the effect None only informs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A semantic version: the value of an attribute of type version."""

    text: str

    def __str__(self) -> str:
        return self.text


Scalar = str | int | bool | Version
AttributeValue = Scalar | tuple[Scalar, ...]
"""A tuple is the value of a list attribute (alpha)."""


class DeviceId(NamedTuple):
    """What identifies a device in a cluster."""

    driver: str
    pool: str
    device: str


class PoolId(NamedTuple):
    """What identifies a pool in a cluster."""

    driver: str
    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTaint:
    """A taint keeps away claims that do not tolerate it."""

    key: str
    value: str = ""
    effect: str

    @property
    def is_blocking(self) -> bool:
        """Whether the scheduler allocates the device only to claims that tolerate the taint."""
        return self.effect in BLOCKING_EFFECTS

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterConsumption:
    """What a device takes from a counter set of its pool while it is allocated."""

    counter_set: str
    counters: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityPolicy:
    """How much of a capacity one request can take (``requestPolicy``)."""

    default: Fraction | None = None
    """What a request takes that names no amount; None means the whole capacity."""
    values: tuple[Fraction, ...] = ()
    """The possible amounts, sorted; a request gets the next larger one."""
    minimum: Fraction | None = None
    maximum: Fraction | None = None
    step: Fraction | None = None
    """Amounts are the minimum and a multiple of this; None means any amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that claims can get."""

    id: DeviceId
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    """By the name with its domain, which is by default the driver's name: ``gpu.nvidia.com/uuid``."""
    capacity: Mapping[str, Fraction] = field(default_factory=dict)
    """By the name with its domain; bytes, or a number."""
    policies: Mapping[str, CapacityPolicy] = field(default_factory=dict)
    """By the name of the capacity with its domain; only capacities that have a policy."""
    full_names: frozenset[str] = frozenset()
    """The capacities whose domain stands in the ResourceSlice: requests must name them in the same way."""
    taints: tuple[DeviceTaint, ...] = ()
    consumes: tuple[CounterConsumption, ...] = ()
    is_shareable: bool = False
    """Whether several claims can hold the device (``allowMultipleAllocations``)."""
    node_name: str = ""
    """The only node on which the device can be used; empty if the two following fields say where."""
    node_selector: Mapping[str, Any] | None = None
    is_on_all_nodes: bool = False
    binding_conditions: tuple[str, ...] = ()

    def attribute(self, name: str) -> AttributeValue | None:
        """Return an attribute in the driver's own domain; None if it is absent."""
        return self.attributes.get(f"{self.id.driver}/{name}")

    def text(self, name: str) -> str:
        """Return a string or version in the driver's own domain; empty if it is absent."""
        found = self.attribute(name)
        return str(found) if isinstance(found, str | Version) else ""

    @property
    def is_blocked(self) -> bool:
        """Whether a taint keeps away claims that do not tolerate it."""
        return any(taint.is_blocking for taint in self.taints)


CounterSets = dict[str, "Mapping[str, Fraction]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSlice:
    """A ResourceSlice: some devices of a pool."""

    name: str
    pool: PoolId
    generation: int
    slice_count: int
    """How many slices the pool has at this generation."""
    node_name: str = ""
    node_selector: Mapping[str, Any] | None = None
    is_on_all_nodes: bool = False
    is_per_device: bool = False
    """Whether each device says on which nodes it is, and not the slice."""
    devices: tuple[Device, ...] = ()
    counter_sets: Mapping[str, Mapping[str, Fraction]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool of devices at its highest generation."""

    id: PoolId
    generation: int
    node_name: str = ""
    """The node of all devices; empty if they have none in common."""
    devices: tuple[Device, ...] = ()
    counter_sets: Mapping[str, Mapping[str, Fraction]] = field(default_factory=dict)
    """The counters that devices share, by set and name, before anything is allocated."""
    problem: str = ""
    """Why the scheduler takes no device of the pool; the devices are empty then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A device that a claim holds."""

    device: DeviceId
    request: str
    has_admin_access: bool = False
    """Whether it is only for monitoring: the device is not taken."""
    is_share: bool = False
    """Whether other claims can hold the device, too (``shareID``)."""
    consumed: Mapping[str, Fraction] = field(default_factory=dict)
    """What a share takes of the capacity of the device, by the name with its domain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceClaim:
    """A ResourceClaim with the devices that it holds; those are empty before it is allocated."""

    namespace: str
    name: str
    allocations: tuple[Allocation, ...] = ()
    pods: tuple[str, ...] = ()
    """The names of the pods for which the devices are reserved, in the same namespace."""
    node_selector: Mapping[str, Any] | None = None
    """The nodes on which the devices can be used; None before the claim is allocated, or for all nodes."""
    since: datetime | None = None
    """When the devices were allocated, else when the claim was created; None if unknown."""

    @property
    def taken(self) -> tuple[DeviceId, ...]:
        """The devices that nobody else can get; a device with admin access is not taken."""
        return tuple(each.device for each in self.allocations if not each.has_admin_access)
