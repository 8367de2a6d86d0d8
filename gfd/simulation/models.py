"""Read GPU models and their MIG profiles from machine files and ``models.yaml``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gfd.documents.value import describe
from gfd.inventory.model import Engines, Fabric, FactFailure, Gpu, MigProfile
from gfd.inventory.profiles import GI_PROFILES, format_gi_profile
from gfd.simulation.placement import Geometry, Offer
from gfd.text import list_known

if TYPE_CHECKING:
    from gfd.documents.value import Value

MODEL_FIELDS = (
    "name",
    "brand",
    "architecture",
    "compute_capability",
    "memory_bytes",
    "unified_memory_bytes",
    "pci_device_id",
    "pci_class",
    "pcie_generation",
    "pcie_width",
    "power_limit_mw",
    "power_default_limit_mw",
    "nvlink_links",
    "mig",
)
"""Fields of a model that a GPU may override."""

_PLACE = ("pci_address", "pcie_root", "numa_node", "nvlink_peers", "fabric")
"""Fields that describe where a GPU is in its machine."""
_VFIO_PLACE = ("pci_address", "pcie_root", "numa_node")
TEGRA_FIELDS = ("name", "compute_capability", "memory_bytes")
"""Fields of a model on a machine whose GPUs CUDA shows."""
VFIO_FIELDS = ("name", "architecture", "pci_device_id", "pci_class", "addressable_bytes")
"""Fields of a model on a machine whose GPUs are bound to vfio-pci."""

_ENGINES = ("copy", "decoder", "jpeg", "ofa")
_PROFILE = ("enum", "id", "slices", "max_instances", "multiprocessors", *_ENGINES, "memory_mib")
_PCI_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")
_PCIE_ROOT = re.compile(r"pci[0-9a-f]{4,8}:[0-9a-f]{2}")
_VERSION_PART = re.compile("[0-9]{1,6}")
_SEVEN_SLICES = 4


class GpuModels(NamedTuple):
    """GPU models and MIG profile tables by name. Later files override earlier ones."""

    models: dict[str, Value]
    tables: dict[str, Value]

    @classmethod
    def of(cls, *documents: Value) -> GpuModels:
        """Collect the models and tables in all ``documents``."""
        models: dict[str, Value] = {}
        tables: dict[str, Value] = {}
        for document in documents:
            models.update(document.field("models").mapping().items())
            tables.update(document.field("mig").mapping().items())
        return cls(models=models, tables=tables)

    def build(self, entry: Value, *, has_unified_memory: bool = False) -> tuple[Gpu, Geometry | None]:
        """Return the GPU in ``entry`` of a machine, and its MIG geometry.

        With ``has_unified_memory``, read also the memory that only CUDA shows.
        """
        entry.only("model", "uuid", *_PLACE, *MODEL_FIELDS)
        model = self._find(entry.field("model"), self.models).only(*MODEL_FIELDS)
        facts = {fact: (entry if fact in entry.mapping() else model).field(fact) for fact in MODEL_FIELDS}
        memory_bytes = _read_memory_bytes(facts)
        is_from_cuda = has_unified_memory and memory_bytes is None
        capability = read_version(facts["compute_capability"])
        geometry = None
        if facts["mig"].content is not None:
            table = self._find(facts["mig"], self.tables)
            # The names of MIG profiles contain a share of the memory, so it is needed.
            geometry = read_geometry(table, facts["memory_bytes"].integer(1))
        profiles = tuple(offer.profile for offer in geometry.offers) if geometry else ()
        # Since Hopper, NVML reports the figures of the whole GPU, as those of the profile with seven slices.
        whole = next((p for p in profiles if capability >= (9, 0) and p.enum == _SEVEN_SLICES), None)
        uuid = entry.field("uuid")
        gpu = Gpu(
            index=0,
            uuid=None if uuid.content is None else uuid.text(),
            name=facts["name"].text(),
            brand=facts["brand"].text(),
            architecture=facts["architecture"].text(),
            compute_capability=capability,
            memory_bytes=_read_optional(facts["unified_memory_bytes"]) if is_from_cuda else memory_bytes,
            is_memory_unified=memory_bytes is None,
            failures=_find_failures(facts) if is_from_cuda else (),
            pci_address=read_address(entry.field("pci_address")),
            pci_device_id=facts["pci_device_id"].integer(),
            pci_class=facts["pci_class"].integer(),
            pcie_generation=facts["pcie_generation"].integer(1),
            pcie_width=facts["pcie_width"].integer(1),
            numa_node=read_numa_node(entry.field("numa_node")),
            pcie_root=_read_pcie_root(entry.field("pcie_root")),
            power_limit_mw=_read_optional(facts["power_limit_mw"]),
            power_default_limit_mw=_read_optional(facts["power_default_limit_mw"]),
            nvlink_links=_read_optional(facts["nvlink_links"]),
            nvlink_peers=_read_peers(entry.field("nvlink_peers")),
            is_mig_capable=geometry is not None,
            fabric=read_fabric(entry.field("fabric")),
            multiprocessors=whole.multiprocessors if whole else None,
            engines=whole.engines if whole else None,
            profiles=profiles,
        )
        return gpu, geometry

    def build_tegra(self, entry: Value) -> Gpu:
        """Return the GPU in ``entry`` of a machine whose integrated GPU only CUDA shows."""
        entry.only("model", *TEGRA_FIELDS)
        model = self._find(entry.field("model"), self.models).only(*TEGRA_FIELDS)
        facts = {fact: (entry if fact in entry.mapping() else model).field(fact) for fact in TEGRA_FIELDS}
        return Gpu(
            index=0,
            name=facts["name"].text(),
            compute_capability=read_version(facts["compute_capability"]),
            memory_bytes=_read_memory_bytes(facts),
            is_memory_unified=True,
        )

    def build_vfio(self, entry: Value) -> Gpu:
        """Return the GPU in ``entry`` of a machine whose GPUs are bound to vfio-pci.

        Only the PCI bus tells about such a GPU, so the machine has fewer facts.
        """
        entry.only("model", *_VFIO_PLACE, *VFIO_FIELDS)
        model = self._find(entry.field("model"), self.models).only(*VFIO_FIELDS)
        facts = {fact: (entry if fact in entry.mapping() else model).field(fact) for fact in VFIO_FIELDS}
        architecture, addressable = facts["architecture"], facts["addressable_bytes"]
        return Gpu(
            index=0,
            name=facts["name"].text(),
            architecture=None if architecture.content is None else architecture.text(),
            pci_address=read_address(entry.field("pci_address")),
            pci_device_id=facts["pci_device_id"].integer(),
            pci_class=facts["pci_class"].integer(),
            numa_node=read_numa_node(entry.field("numa_node")),
            pcie_root=_read_pcie_root(entry.field("pcie_root")),
            addressable_bytes=None if addressable.content is None else addressable.integer(1),
        )

    def find_mig_source(self, entry: Value) -> tuple[str, str | None]:
        """Return the name of the GPU in ``entry`` of a machine, and where its MIG table comes from.

        The source is None without MIG, or if the table does not say it.
        """
        model = self._find(entry.field("model"), self.models)
        name, mig = ((entry if fact in entry.mapping() else model).field(fact) for fact in ("name", "mig"))
        source = None if mig.content is None else self._find(mig, self.tables).field("source")
        return name.text(), None if source is None or source.content is None else source.text()

    def _find(self, name: Value, known: dict[str, Value]) -> Value:
        if name.text() not in known:
            raise name.error(f"there is no {name.text()}; {list_known(name.text(), known)}")
        return known[name.text()]


def _read_memory_bytes(facts: dict[str, Value]) -> int | None:
    """Return the memory; None if the GPU shares that of the CPU, so that NVML does not tell it."""
    memory = facts["memory_bytes"]
    return None if memory.content is None else memory.integer(1)


def _find_failures(facts: dict[str, Value]) -> tuple[FactFailure, ...]:
    """Return the failure to read the memory from CUDA, if the machine file does not have it."""
    missing = facts["unified_memory_bytes"]
    if missing.content is not None:
        return ()
    reason = "the machine file has no unified_memory_bytes"
    return (FactFailure(fact="memory_bytes", source="cuDeviceTotalMem_v2", device="GPU", reason=reason),)


def read_geometry(table: Value, memory_bytes: int) -> Geometry:
    """Return the MIG geometry in ``table`` for a GPU with ``memory_bytes``."""
    table.only("source", "memory_slices", "compute_slices", "balanced", "profiles")
    memory_slices = table.field("memory_slices").integer(1)
    offers = [
        _read_offer(name, profile, memory_slices, memory_bytes)
        for name, profile in table.field("profiles").mapping().items()
    ]
    return Geometry(
        memory_slices=memory_slices,
        compute_slices=table.field("compute_slices").integer(1),
        offers=tuple(sorted(offers, key=lambda offer: offer.profile.enum)),
        balanced=tuple(
            (name, number.integer(1)) for name, number in table.field("balanced").mapping().items()
        ),
    )


def _read_offer(name: str, row: Value, memory_slices: int, memory_bytes: int) -> Offer:
    row.only(*_PROFILE, "encoder", "size", "starts")
    enum, memory_mib = row.field("enum").integer(), row.field("memory_mib").integer(1)
    if enum not in GI_PROFILES:
        raise row.field("enum").error(f"{enum} is not a known GPU-instance profile")
    named = format_gi_profile(enum, memory_mib, memory_bytes)
    if named != name:
        raise row.error(f"must be named {named}, from enum, memory_mib and the GPU's memory_bytes")
    size, starts = row.field("size").integer(1), tuple(item.integer() for item in row.field("starts").items())
    if not starts or max(starts) + size > memory_slices:
        raise row.field("starts").error(f"must be slices at which {size} of {memory_slices} slices fit")
    encoder = row.field("encoder")
    counts = {key: row.field(key).integer() for key in _ENGINES}
    profile = MigProfile(
        name=name,
        enum=enum,
        id=row.field("id").integer(),
        slices=row.field("slices").integer(1),
        max_instances=row.field("max_instances").integer(1),
        memory_mib=memory_mib,
        multiprocessors=row.field("multiprocessors").integer(1),
        engines=Engines(encoder=0 if encoder.content is None else encoder.integer(), **counts),
    )
    return Offer(profile=profile, size=size, starts=starts)


def _read_optional(value: Value) -> int | None:
    return None if value.content is None else value.integer()


def _read_pcie_root(value: Value) -> str | None:
    if value.content is None:
        return None
    if not _PCIE_ROOT.fullmatch(value.text()):
        raise value.error(
            f'expected a PCIe root complex such as "pci0000:3a", found {describe(value.content)}'
        )
    return value.text()


def _read_peers(value: Value) -> tuple[int, ...] | None:
    return None if value.content is None else tuple(item.integer() for item in value.items())


def read_address(value: Value) -> str:
    """Return a PCI address such as "0000:3b:00.0"."""
    if not _PCI_ADDRESS.fullmatch(value.text()):
        raise value.error(f'expected a PCI address such as "0000:3b:00.0", found {describe(value.content)}')
    return value.text()


def read_numa_node(value: Value) -> int | None:
    """Return a NUMA node; None if it is null or absent."""
    return None if value.content is None else value.integer()


def read_version(value: Value) -> tuple[int, int]:
    """Return major and minor of a version such as "12.4"."""
    major, _, minor = value.text().partition(".")
    if not (_VERSION_PART.fullmatch(major) and _VERSION_PART.fullmatch(minor)):
        raise value.error(f'expected a version such as "12.4", found {describe(value.content)}')
    return int(major), int(minor)


def read_fabric(entry: Value) -> Fabric | None:
    """Return the fabric registration, or None."""
    if entry.content is None:
        return None
    entry.only("state", "status", "cluster_uuid", "clique_id")
    return Fabric(
        state=entry.field("state").integer(),
        status=entry.field("status").integer(),
        cluster_uuid=entry.field("cluster_uuid").text(),
        clique_id=entry.field("clique_id").integer(),
    )
