"""What there is to label: this node, a simulated machine, or a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.errors import DocumentError, DriverUnavailable, MalformedAnswer
from gfd.labels.needs import explain_unknown_memory
from gfd.worker.result import CycleResult

if TYPE_CHECKING:
    from gfd.config.load import Config
    from gfd.inventory.model import FailedGpu, Inventory
    from gfd.labels.syntax import Labels
    from gfd.limits import Note


class ProbeResult(NamedTuple):
    """An inventory, and how it was come by."""

    inventory: Inventory
    missing_driver: str | None = None
    """Why there is no driver to ask, where that is no error."""
    has_hardware: bool = True
    """Whether the PCI bus shows a GPU; only looked for without a driver."""

    def summarise(self, labels: Labels, failed: tuple[FailedGpu, ...]) -> CycleResult:
        """Return what a service tells of this; ``failed`` are the GPUs that the labels leave out."""
        mig_devices: dict[str, int] = {}
        for gpu in self.inventory.gpus:
            for device in gpu.mig_devices or ():
                name = device.profile or "unknown"
                mig_devices[name] = mig_devices.get(name, 0) + 1
        left_out = {gpu.index for gpu in failed}
        kept = [gpu for gpu in self.inventory.gpus if gpu.index not in left_out]
        return CycleResult(
            labels=labels,
            gpus=len(kept),
            failed_gpus={str(gpu.index): str(gpu.failure.as_error()) for gpu in failed},
            failed_cards={
                str(gpu.index): {"pci_address": gpu.pci_address, "uuid": gpu.uuid} for gpu in failed
            },
            unknown_memory=explain_unknown_memory(kept),
            mig_devices=mig_devices,
            missing_driver=self.missing_driver,
            has_hardware=self.has_hardware,
        )


def read(
    config: Config,
    given: Inventory | None,
    note: Note,
    *,
    is_complete: bool = False,
    known: Inventory | None = None,
) -> ProbeResult:
    """Return what ``config`` asks for, or the inventory that is ``given``.

    ``known`` is what the read before found: facts that cannot have changed since are taken from there.

    Unless ``is_complete``, facts may be left out that only labels of extra groups and templates of one's
    own can speak of, where the configuration has neither. Raises GfdError.
    """
    if given is not None:
        return ProbeResult(inventory=given)
    if config.simulate:
        return ProbeResult(inventory=_simulate(config, config.simulate))
    from gfd.probe import node, sysfs

    try:
        return ProbeResult(
            inventory=node.read(
                driver_root=config.driver_root,
                machine_type_file=config.machine_type_file,
                is_complete=is_complete or bool(config.extra_labels or config.template_dir),
                note=note,
                known=known,
            )
        )
    except DriverUnavailable as error:
        if config.fail_on_init_error:
            raise
        note("the kernel's files")
        return ProbeResult(
            inventory=node.read_without_driver(machine_type_file=config.machine_type_file),
            missing_driver=str(error),
            has_hardware=sysfs.has_gpu(),
        )


def to_plain(found: ProbeResult) -> dict[str, Any]:
    """Return ``found`` as what JSON can hold."""
    from gfd.inventory import snapshot

    return {
        "inventory": snapshot.to_plain(found.inventory),
        "missing_driver": found.missing_driver,
        "has_hardware": found.has_hardware,
    }


def from_plain(plain: dict[str, Any]) -> ProbeResult:
    """Return what :func:`to_plain` made plain. Raises MalformedAnswer where it did not."""
    from gfd.inventory import snapshot
    from gfd.inventory.model import Inventory

    try:
        return ProbeResult(
            **plain | {"inventory": snapshot.from_plain(Inventory, plain["inventory"], "the reading")}
        )
    except (KeyError, TypeError, DocumentError) as error:
        raise MalformedAnswer from error


def is_sound(found: ProbeResult) -> bool:
    """Return whether NVML answered all that it was asked for ``found``, and holds nothing open."""
    from gfd.probe import nvml

    inventory = found.inventory
    failures = [*inventory.failures, *(gpu.failure for gpu in inventory.failed_gpus)]
    for gpu in inventory.gpus:
        failures += gpu.failures
        for device in gpu.mig_devices or ():
            failures += device.failures
    has_failed = found.missing_driver is not None or any(failure.code is not None for failure in failures)
    return not has_failed and not nvml.holds_devices()


def check(config: Config) -> None:
    """Find out whether the machine to simulate can be. Raises ConfigError and DocumentError."""
    if config.simulate:
        _simulate(config, config.simulate)


def _simulate(config: Config, name: str) -> Inventory:
    from gfd.simulation import machines

    return machines.read(name, config.mig, config.mig_config)
