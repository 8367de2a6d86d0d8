"""The query of ``gfd select``: a device, and the resources under which nodes may offer it."""

from __future__ import annotations

from dataclasses import dataclass

from gfd.clusterview.device_counts import GPU
from gfd.labels.syntax import VENDOR


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceQuery:
    """The properties of a device, as the user wrote them; empty means any."""

    product: str = ""
    mig: str = ""
    """The MIG profile, as in labels."""
    memory: tuple[str, ...] = ()
    compute: tuple[str, ...] = ()
    driver: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceResource:
    """A resource under which a node may offer the device."""

    strategy: str | None
    """The MIG strategy of a node that offers it; None unless the query is about MIG devices."""
    name: str
    """The resource's name; the keys of its labels begin with it."""

    @property
    def product_label(self) -> str:
        """The label with the device's product."""
        return f"{self.name}.product"


def find_resources(query: DeviceQuery) -> tuple[DeviceResource, ...]:
    """Return the resources under which nodes may offer the device."""
    if not query.mig:
        return (DeviceResource(strategy=None, name=GPU),)
    return (
        DeviceResource(strategy="single", name=GPU),
        DeviceResource(strategy="mixed", name=f"{VENDOR}mig-{query.mig}"),
    )
