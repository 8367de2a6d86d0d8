"""The query of ``gfd select``: a device, and the resources under which nodes may offer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, MIG
from gfd.clusterview.gpus import read_profiles
from gfd.labels.products import INVALID, SHARED_END, extract_profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceQuery:
    """The properties of a device, as the user wrote them; empty means any."""

    products: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    """As in labels: ``ampere``, ``ada-lovelace``."""
    mig_profiles: tuple[str, ...] = ()
    """As in labels."""
    mig_memory: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    compute: tuple[str, ...] = ()
    driver: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    gpus_per_node: int = 0
    """How many GPUs the node must have at least."""
    is_exclusive: bool = False
    """Whether only whole GPUs are meant that pods do not share."""
    is_shared: bool = False
    """Whether only devices are meant that several pods share."""
    count: int = 1

    @property
    def is_mig(self) -> bool:
        """Whether only MIG devices are meant, with any of several profiles."""
        return bool(self.mig_profiles or self.mig_memory)

    @property
    def is_whole(self) -> bool:
        """Whether only whole GPUs are meant, and no criterion about the product says so."""
        names_gpu = bool(self.families or self.gpus_per_node)
        return self.is_exclusive or (names_gpu and not self.products and not self.is_mig)

    @property
    def wants_shared(self) -> bool:
        """Whether shared devices are meant, by an option or by the name of the product."""
        return self.is_shared or any(text.upper().endswith(SHARED_END) for text in self.products)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceResource:
    """A resource under which a node may offer the device."""

    strategy: str | None
    """The MIG strategy of a node that offers it; None unless the query is about MIG devices."""
    name: str
    """The resource's name; the keys of its labels begin with it."""
    profile: str = ""
    """The MIG profile of the strategy ``mixed``; empty for other resources."""

    @property
    def product_label(self) -> str:
        """The label with the device's product."""
        return f"{self.name}.product"

    @property
    def sharing_label(self) -> str:
        """The label that says how pods share the device."""
        return f"{self.name}.sharing-strategy"


def find_resources(query: DeviceQuery, nodes: Iterable[Node] | None) -> tuple[DeviceResource, ...]:
    """Return the resources under which nodes may offer the device."""
    if not query.is_mig:
        return (DeviceResource(strategy=None, name=GPU),)
    profiles = query.mig_profiles or list_profiles(nodes or ())
    return (
        DeviceResource(strategy="single", name=GPU),
        *(DeviceResource(strategy="mixed", name=f"{MIG}{profile}", profile=profile) for profile in profiles),
    )


def list_profiles(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Return the profiles of all MIG devices that the nodes' labels name, sorted."""
    return tuple(sorted({profile for node in nodes for profile in read_all_profiles(node.labels)}))


def read_all_profiles(labels: Labels) -> set[str]:
    """Return the profiles of a node's MIG devices, under both MIG strategies."""
    of_single = extract_profile(labels.get(f"{GPU}.product", ""))
    return {*read_profiles(labels), of_single} - {"", INVALID}
