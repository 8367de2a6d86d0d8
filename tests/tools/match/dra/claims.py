"""Make claims, classes and supplies, and judge them with selectors that need no CEL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.model import Device
from gfd.clusterview.dra.slices import read_slice
from gfd.tools.match.cel.errors import EvaluationError
from gfd.tools.match.dra.allocation import AllocationOutcome, allocate
from gfd.tools.match.dra.model import (
    ChoiceRequest,
    ClaimConstraint,
    ClaimSpec,
    DeviceClass,
    DeviceRequest,
    DeviceSelector,
)
from gfd.tools.match.dra.supply import ClusterSupply, DeviceSupply
from gfd.tools.match.podspec.scheduling import Toleration

Object = dict[str, Any]
CLASSES = {
    "any": DeviceClass(name="any"),
    "gpu": DeviceClass(name="gpu", selectors=(DeviceSelector(expression="type == gpu", place="class"),)),
}


def make_device(name: str, **attributes: Any) -> Object:
    """Return a device with attributes that are strings; other fields by ``fields``."""
    fields = attributes.pop("fields", {})
    values = {key: {"string": value} for key, value in attributes.items()}
    return {"name": name, "attributes": values, **fields}


def make_slice(
    name: str,
    *devices: Object,
    driver: str = "gpu.example.com",
    pool: str = "",
    generation: int = 1,
    count: int = 1,
    node: str = "n1",
    **spec: Any,
) -> Object:
    """Return a ResourceSlice; ``node`` is left out if empty."""
    place = {"nodeName": node} if node else {}
    return {
        "metadata": {"name": name},
        "spec": {
            "driver": driver,
            "pool": {"name": pool or "p", "generation": generation, "resourceSliceCount": count},
            "devices": list(devices),
            **place,
            **spec,
        },
    }


def make_holder(*devices: str, driver: str = "gpu.example.com", pool: str = "p", **fields: Any) -> Object:
    """Return a ResourceClaim that holds devices; ``fields`` are more fields of each result."""
    results = [{"driver": driver, "pool": pool, "device": each, "request": "r", **fields} for each in devices]
    metadata = {"name": "holder", "namespace": "other"}
    return {"metadata": metadata, "status": {"allocation": {"devices": {"results": results}}}}


def make_supply(
    *slices: Object,
    claims: Sequence[Object] | None = (),
    node: str = "n1",
    labels: Mapping[str, str] | None = None,
) -> DeviceSupply:
    known = None if claims is None else map(read_claim, claims)
    return ClusterSupply(map(read_slice, slices), known).find(node, dict(labels or {}))


def request(name: str = "r", *expressions: str, **fields: Any) -> DeviceRequest:
    selectors = tuple(DeviceSelector(expression=each, place=f"pod.yaml: {name}") for each in expressions)
    return DeviceRequest(**{"name": name, "class_name": "any", "selectors": selectors, **fields})


def choose(name: str, *alternatives: DeviceRequest) -> ChoiceRequest:
    return ChoiceRequest(name=name, alternatives=alternatives)


def claim(*requests: DeviceRequest | ChoiceRequest, name: str = "c", **fields: Any) -> ClaimSpec:
    return ClaimSpec(name=name, requests=requests, **fields)


def equal(attribute: str, *requests: str) -> ClaimConstraint:
    return ClaimConstraint(requests=requests, match_attribute=f"gpu.example.com/{attribute}")


def distinct(attribute: str, *requests: str) -> ClaimConstraint:
    return ClaimConstraint(requests=requests, distinct_attribute=f"gpu.example.com/{attribute}")


def tolerate(key: str = "", **fields: Any) -> Toleration:
    return Toleration(**{"key": key, "operator": "Exists", **fields})


def matches(selector: DeviceSelector, device: Device) -> bool:
    """Evaluate ``attribute == value``; a missing attribute is an error, as in CEL."""
    name, _, value = selector.expression.partition(" == ")
    found = device.text(name)
    if not found:
        raise EvaluationError(f"no such key: {name}", missing=name, guard=f"has({name})")
    return found == value


def run(supply: DeviceSupply, *claims: ClaimSpec) -> AllocationOutcome:
    return allocate(claims, CLASSES, supply, matches)


def names(outcome: AllocationOutcome) -> list[list[str]]:
    """Return the names of the devices of each claim."""
    return [[each.device.device for each in devices] for devices in outcome.allocations]
