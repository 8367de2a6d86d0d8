"""The labels of a machine that are known before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.worker import single_run
from gfd.worker.request import build_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gfd.config.model import Config
    from gfd.inventory.model import Inventory
    from gfd.labels.syntax import Labels

_VERSIONS: tuple[Mapping[str, Any], ...] = (
    {"driver_version": "1.1.1", "cuda_version": 1010},
    {"driver_version": "2.2.2", "cuda_version": 2020},
)
"""Two sets of versions of which no number is the same."""


def replace_driver(inventory: Inventory, driver: str) -> Inventory:
    """Return the inventory with another driver version.

    The CUDA version stays if it is the same branch (the number before the first dot), since it depends on the
    branch; otherwise it is unknown.
    """
    found = inventory.driver_version or ""
    is_same_branch = found.partition(".")[0] == driver.partition(".")[0]
    return inventory._replace(
        driver_version=driver, cuda_version=inventory.cuda_version if is_same_branch else None
    )


def complete(inventory: Inventory) -> tuple[Inventory, ...]:
    """Return the inventory with everything that labels need.

    There are two, with different versions of driver or CUDA, if the inventory does not have them. The clique
    (an id of the rack's NVLink fabric) is removed.
    """
    unknown = [fact for fact in ("driver_version", "cuda_version") if getattr(inventory, fact) is None]
    machine = inventory._replace(
        gpus=tuple(gpu._replace(fabric=None) for gpu in inventory.gpus),
        failures=tuple(each for each in inventory.failures if each.fact not in unknown),
    )
    if not unknown:
        return (machine,)
    return tuple(machine._replace(**{fact: each[fact] for fact in unknown}) for each in _VERSIONS)


def label(config: Config, inventories: Iterable[Inventory]) -> tuple[Labels, list[str]]:
    """Return the labels that a machine has with each of these inventories, and warnings. Raises GfdError.

    So a label that depends on an unknown version is left out, as is the timestamp.
    """
    request = build_request(config._replace(no_timestamp=True))
    first, *others = (single_run.label(request._replace(inventory=each)) for each in inventories)
    labels = {
        key: value
        for key, value in first.labels.items()
        if all(each.labels.get(key) == value for each in others)
    }
    return labels, first.warnings()
