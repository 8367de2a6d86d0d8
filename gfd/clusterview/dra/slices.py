"""Read ResourceSlices of resource.k8s.io/v1.

The fields are those of Kubernetes' ``staging/src/k8s.io/api/resource/v1/types.go``. Older versions of the
API have another shape and are refused.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.capacities import qualify, read_capacity, read_counters, read_policies
from gfd.clusterview.dra.model import (
    API_VERSION,
    AttributeValue,
    CounterConsumption,
    Device,
    DeviceId,
    DeviceTaint,
    PoolId,
    ResourceSlice,
    Version,
)
from gfd.clusterview.dra.node_selectors import read_node_selector
from gfd.clusterview.fields import read_field

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_version(item: Mapping[str, Any], resource: str) -> None:
    """Raise ValueError unless an object has the version that gfd reads; ``resource`` is its plural.

    Items of a list from the API server have no version of their own. The text completes "the object …".
    """
    found = item.get("apiVersion", API_VERSION)
    if found != API_VERSION:
        command = f"kubectl get {resource}.v1.resource.k8s.io -A -o json"
        raise ValueError(f"has the apiVersion {found}; gfd reads {API_VERSION}, which {command} prints")


def read_slice(item: Mapping[str, Any]) -> ResourceSlice:
    """Return the ResourceSlice that a Kubernetes object describes.

    Raises ValueError if it is malformed; the text completes "the ResourceSlice …".
    """
    check_version(item, "resourceslices")
    spec = read_field(item, "spec", dict)
    driver, pool = _require(spec, "driver"), _require(spec, "pool.name")
    generation, count = (
        read_field(spec, "pool.generation", int),
        read_field(spec, "pool.resourceSliceCount", int),
    )
    if count < 1:
        raise ValueError("has no spec.pool.resourceSliceCount above 0")
    return ResourceSlice(
        name=read_field(item, "metadata.name", str),
        pool=PoolId(driver, pool),
        generation=generation,
        slice_count=count,
        node_name=read_field(spec, "nodeName", str),
        node_selector=read_node_selector(spec, "nodeSelector"),
        is_on_all_nodes=read_field(spec, "allNodes", bool),
        is_per_device=read_field(spec, "perDeviceNodeSelection", bool),
        devices=tuple(_read_device(each, spec, driver, pool) for each in read_field(spec, "devices", list)),
        counter_sets={
            _require(each, "name"): read_counters(each) for each in read_field(spec, "sharedCounters", list)
        },
    )


def _read_device(item: Any, spec: Mapping[str, Any], driver: str, pool: str) -> Device:
    name = _require(item, "name")
    # With perDeviceNodeSelection, each device says where it is.
    place = item if read_field(spec, "perDeviceNodeSelection", bool) else spec
    capacity = read_field(item, "capacity", dict)
    return Device(
        id=DeviceId(driver, pool, name),
        attributes={
            qualify(key, driver): _read_attribute(name, key, value)
            for key, value in read_field(item, "attributes", dict).items()
        },
        capacity=read_capacity(capacity, driver, name),
        policies=read_policies(capacity, driver),
        full_names=frozenset(key for key in capacity if "/" in key),
        taints=tuple(
            DeviceTaint(
                key=_require(each, "key"),
                value=read_field(each, "value", str),
                effect=_require(each, "effect"),
            )
            for each in read_field(item, "taints", list)
        ),
        consumes=tuple(
            CounterConsumption(counter_set=_require(each, "counterSet"), counters=read_counters(each))
            for each in read_field(item, "consumesCounters", list)
        ),
        is_shareable=read_field(item, "allowMultipleAllocations", bool),
        node_name=read_field(place, "nodeName", str),
        node_selector=read_node_selector(place, "nodeSelector"),
        is_on_all_nodes=read_field(place, "allNodes", bool),
        binding_conditions=tuple(map(str, read_field(item, "bindingConditions", list))),
    )


def _require(item: Any, path: str) -> str:
    found = read_field(item, path, str)
    if not found:
        raise ValueError(f"has an entry without {path}")
    return intern(found)


def _read_attribute(device: str, name: str, value: Any) -> AttributeValue:
    found = value if isinstance(value, dict) else {}
    match [(kind, content) for kind, content in found.items() if content is not None]:
        case [("string" | "version" as kind, str(text))]:
            return Version(text=intern(text)) if kind == "version" else intern(text)
        case [("bool", bool(content))]:
            return content
        case [("int", int(content))] if not isinstance(content, bool):
            return content
        case [("strings", list(contents))] if all(isinstance(each, str) for each in contents):
            return tuple(contents)
        case [("versions", list(contents))] if all(isinstance(each, str) for each in contents):
            return tuple(Version(text=each) for each in contents)
        case [("ints" | "bools", list(contents))] if all(isinstance(each, int) for each in contents):
            return tuple(contents)
    raise ValueError(
        f"has an attribute {name} of the device {device} that is no string, int, bool or version,"
        " and no list of these"
    )
