"""Annotations of fields: where a fact comes from, and which facts a value depends on."""

from __future__ import annotations


class ReadFrom:
    """Annotates a field with its sources. A field of a structure may inherit those of the structure.

    ``sources`` are NVML functions, files, or the flag of the option that names the file. Only ``gfd explain``
    evaluates the annotations.
    """

    def __init__(
        self,
        *sources: str,
        unit: str = "",
        tegra: tuple[str, ...] | None = None,
        vfio: tuple[str, ...] | None = None,
    ) -> None:
        """``tegra`` and ``vfio`` are the sources with these strategies; by default all but NVML."""
        self.sources = sources
        self.unit = unit
        without_nvml = tuple(source for source in sources if not source.startswith("nvml"))
        self._others = {
            "tegra": without_nvml if tegra is None else tegra,
            "vfio": without_nvml if vfio is None else vfio,
        }

    def find_sources(self, discovery: str) -> tuple[str, ...]:
        """Return the sources on a machine whose GPUs were found with the strategy ``discovery``."""
        return self._others.get(discovery, self.sources)


class DerivedFrom:
    """Annotates a field that is computed from the inventory with the facts that it depends on.

    ``facts`` are paths of fields, relative to the field's own class (``gpus.memory_bytes``) or to the
    inventory (``inventory.driver_version``), and flags of options. They are empty if the class never has the
    field. ``mig`` replaces them if the value consists of MIG devices, ``tegra`` and ``vfio`` with these
    discovery strategies. ``form`` is a regular expression for the field as part of a label key.
    """

    def __init__(
        self,
        *facts: str,
        mig: tuple[str, ...] | None = None,
        tegra: tuple[str, ...] | None = None,
        vfio: tuple[str, ...] | None = None,
        form: str = "",
    ) -> None:
        self.facts = facts
        self.mig = facts if mig is None else mig
        self._others = {
            "tegra": facts if tegra is None else tegra,
            "vfio": facts if vfio is None else vfio,
        }
        self.form = form

    def find_facts(self, discovery: str, *, is_mig: bool) -> tuple[str, ...]:
        """Return the facts on a machine whose GPUs were found with the strategy ``discovery``."""
        return self._others.get(discovery, self.mig if is_mig else self.facts)
