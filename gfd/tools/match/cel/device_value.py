"""Make the value of the variable ``device``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.model import Version
from gfd.tools.match.cel.quantity_functions import make_quantity
from gfd.tools.match.cel.values import DomainMap, parse_version

if TYPE_CHECKING:
    from gfd.clusterview.dra.model import Device, Scalar


def describe_device(device: Device) -> dict[str, Any]:
    """Return the value of the variable ``device``. Raises Failure for a version that is none."""
    attributes, capacity = DomainMap("attributes"), DomainMap("capacity")
    for name, value in device.attributes.items():
        domain, _, short = name.rpartition("/")
        converted = list(map(_convert, value)) if isinstance(value, tuple) else _convert(value)
        attributes.add(domain or device.id.driver, short, converted)
    for name, number in device.capacity.items():
        domain, _, short = name.rpartition("/")
        capacity.add(domain or device.id.driver, short, make_quantity(number))
    return {
        "driver": device.id.driver,
        "allowMultipleAllocations": device.is_shareable,
        "attributes": attributes,
        "capacity": capacity,
    }


def _convert(value: Scalar) -> Any:
    return parse_version(value.text) if isinstance(value, Version) else value
