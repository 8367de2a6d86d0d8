"""Which probe a configuration asks for: a function that returns an Inventory or raises GfdError."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

from gfd.errors import DriverUnavailable
from gfd.inventory import Inventory

if TYPE_CHECKING:
    from gfd.config import Config

Probe = Callable[[], Inventory]


def choose(config: Config, *, is_complete: bool = False) -> Probe:
    """Return the probe for ``config``.

    Unless ``is_complete``, it may leave out facts that only labels of extra groups and templates of one's
    own can speak of, where the configuration has neither. Raises ConfigError and InventoryError for a
    machine that cannot be simulated.
    """
    if config.simulate:
        from gfd.probe import machines

        simulated = machines.read(config.simulate, config.mig, config.mig_config)
        return lambda: simulated
    with_profiles = is_complete or bool(config.extra_labels or config.template_dir)
    if config.fail_on_init_error:
        return lambda: _read_node(config, with_profiles=with_profiles)
    return _Patient(config, with_profiles=with_profiles)


def start(probe: Probe) -> Probe:
    """Call ``probe`` in a thread, now; return a probe that waits for its answer and passes it on.

    NVML needs a third of a one-shot's time for itself; the templates can be made ready meanwhile.
    """
    answers: list[Inventory] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(probe())
        except BaseException as error:  # it belongs to whoever asks for the answer
            errors.append(error)

    # A call that hangs in the driver must not keep the process alive.
    thread = Thread(target=run, name="probe", daemon=True)
    thread.start()

    def wait() -> Inventory:
        thread.join()
        for error in errors:
            raise error
        return answers[0]

    return wait


class _Patient:
    """A probe for nodes that may have no driver yet: until it answers for the first time, there is none."""

    def __init__(self, config: Config, *, with_profiles: bool) -> None:
        self._config = config
        self._with_profiles = with_profiles
        self._has_answered = False

    def __call__(self) -> Inventory:
        try:
            inventory = _read_node(self._config, with_profiles=self._with_profiles)
        except DriverUnavailable:
            # Labels of a driver that went away are old; the labels of no driver would be wrong.
            if self._has_answered:
                raise
            from gfd.probe import node

            return node.read_without_driver(machine_type_file=self._config.machine_type_file)
        self._has_answered = True
        return inventory


def _read_node(config: Config, *, with_profiles: bool) -> Inventory:
    from gfd.probe import node

    return node.read(
        driver_root=config.driver_root,
        machine_type_file=config.machine_type_file,
        with_profiles=with_profiles,
    )
