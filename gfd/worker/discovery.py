"""Read an inventory from its source: this node's hardware, a simulated machine, or a snapshot.

To add a source, write a function here, or in a new module, and add it to :data:`READERS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import DocumentError, DriverUnavailable, MalformedAnswer
from gfd.inventory.progress import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config.model import Config
    from gfd.inventory.model import Inventory
    from gfd.inventory.progress import Progress
    from gfd.probe.scope import Scope


class ProbeResult(NamedTuple):
    """An inventory, and the reason if it was read without a driver."""

    inventory: Inventory
    missing_driver: str | None = None
    """Why there is no driver, if that is not an error."""
    has_hardware: bool = True
    """Whether the PCI bus shows an NVIDIA GPU, or this is a Tegra machine; only checked without a driver."""


def read(
    config: Config,
    inventory: Inventory | None,
    progress: Progress,
    *,
    is_complete: bool = False,
) -> ProbeResult:
    """Return ``inventory`` if it is not None, else read it as ``config`` requires. Raises GfdError.

    Without ``is_complete``, facts that the labels do not need may be missing.
    """
    if inventory is not None:
        return ProbeResult(inventory=inventory)
    return READERS["simulation" if config.simulate else "hardware"](config, progress, is_complete)


def choose_scope(config: Config, *, is_complete: bool) -> Scope:
    """Return which optional facts the labels need; templates of the operator may need any."""
    from gfd.probe.scope import EVERYTHING, Scope

    if is_complete or config.template_dir:
        return EVERYTHING._replace(has_unified_memory=config.unified_memory)
    groups = set(config.extra_labels)
    return Scope(
        has_details=bool(groups - {"power", "topology"}),
        has_power="power" in groups,
        has_topology="topology" in groups,
        has_unified_memory=config.unified_memory,
    )


def _read_hardware(config: Config, progress: Progress, is_complete: bool) -> ProbeResult:
    from gfd.probe import strategies

    read_with = strategies.READERS[config.device_discovery_strategy]
    try:
        return ProbeResult(
            inventory=read_with(
                config.driver_root,
                config.machine_type_file,
                choose_scope(config, is_complete=is_complete),
                progress,
            )
        )
    except DriverUnavailable as error:
        if config.fail_on_init_error:
            raise
        from gfd.probe import node, sysfs

        progress("reading sysfs")
        return ProbeResult(
            inventory=node.read_without_driver(machine_type_file=config.machine_type_file),
            missing_driver=str(error),
            has_hardware=sysfs.has_gpu() or sysfs.has_tegra_files(sysfs.ROOT),
        )


def _read_simulation(config: Config, _progress: Progress, _is_complete: bool) -> ProbeResult:
    from gfd.simulation import machines

    inventory = machines.read(
        config.simulate or "", config.mig, config.mig_config, has_unified_memory=config.unified_memory
    )
    return ProbeResult(inventory=inventory)


READERS: dict[str, Callable[[Config, Progress, bool], ProbeResult]] = {
    "hardware": _read_hardware,
    "simulation": _read_simulation,
}


def check(config: Config) -> None:
    """Check that the machine to simulate can be read. Raises ConfigError and DocumentError."""
    if config.simulate:
        _read_simulation(config, ignore_progress, True)


def to_plain(result: ProbeResult) -> dict[str, Any]:
    """Return ``result`` as values that JSON can hold."""
    from gfd.inventory import snapshot

    return {
        "inventory": snapshot.to_plain(result.inventory),
        "missing_driver": result.missing_driver,
        "has_hardware": result.has_hardware,
    }


def from_plain(plain: dict[str, Any]) -> ProbeResult:
    """Return the result given to :func:`to_plain`. Raises MalformedAnswer."""
    from gfd.inventory import snapshot
    from gfd.inventory.model import Inventory

    try:
        inventory = snapshot.from_plain(Inventory, plain["inventory"], "the child's answer")
        return ProbeResult(**plain | {"inventory": inventory})
    except (KeyError, TypeError, DocumentError) as error:
        raise MalformedAnswer from error
