"""What ``--allocation`` changes in a configuration: who gives GPUs to pods, the device plugin or DRA.

DRA is Dynamic Resource Allocation, with NVIDIA's driver for it. MIG strategies and sharing belong to the
device plugin. With DRA, gfd labels each MIG profile as under ``mixed``, and no sharing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.config.options import AUTO, DEVICE_PLUGIN, DRA
from gfd.errors import ApiError
from gfd.labels.sharing import Sharing

if TYPE_CHECKING:
    from gfd.config.model import Config, EffectiveOption, LoadedConfig

MIG_STRATEGY = "mixed"
"""The MIG strategy of DRA."""


def apply_dra(loaded: LoadedConfig) -> LoadedConfig:
    """Return the configuration of a node whose pods get GPUs by DRA, with a warning for what it ignores."""
    by_field = {each.option.field: each for each in loaded.options}
    strategy = by_field["mig_strategy"]
    allocation = by_field["allocation"]
    chosen = _name(allocation)
    if allocation.text != DRA:
        chosen += " found ResourceSlices and no device plugin"
    warnings = []
    if strategy.origin != "default" and strategy.text != MIG_STRATEGY:
        warnings.append(
            f"{_name(strategy)} is ignored, since {chosen}; each MIG profile "
            f"is labelled, as under {MIG_STRATEGY}"
        )
    if loaded.sharing_place:
        warnings.append(
            f"{loaded.sharing_place}: sharing is ignored, since {chosen}; only the device plugin shares GPUs "
            "in this way"
        )
    return loaded._replace(
        config=loaded.config._replace(mig_strategy=MIG_STRATEGY, sharing=Sharing(), has_device_plugin=False),
        warnings=(*loaded.warnings, *warnings),
        options=tuple(_replace_strategy(each, allocation) for each in loaded.options),
    )


def _name(each: EffectiveOption) -> str:
    flag = each.option.flag
    return f"{flag} {each.text}" + ("" if each.origin == flag else f" ({each.origin})")


def _replace_strategy(each: EffectiveOption, allocation: EffectiveOption) -> EffectiveOption:
    if each.option.field != "mig_strategy":
        return each
    return each._replace(text=MIG_STRATEGY, origin=f"--allocation {allocation.text}")


class AllocationFinder:
    """Asks the cluster how pods get the GPUs of this node, for ``--allocation auto``."""

    def __init__(self) -> None:
        self._is_dra = False
        """The latest answer; without any, the device plugin."""

    def resolve(self, loaded: LoadedConfig) -> LoadedConfig:
        """Return the configuration with the answer of the cluster.

        If there is no answer, keep the latest one, and add a warning with the reason.
        """
        config = loaded.config
        if config.allocation != AUTO:
            return loaded
        try:
            self._is_dra = _ask(config)
        except (ApiError, _UnknownNode) as error:
            kept = f"{DRA}, as before" if self._is_dra else DEVICE_PLUGIN
            warning = f"--allocation {AUTO} cannot ask the cluster, so it is {kept}: {error}"
            loaded = loaded._replace(warnings=(*loaded.warnings, warning))
        return apply_dra(loaded) if self._is_dra else loaded


class _UnknownNode(Exception):
    """There is no node to ask for."""


def _ask(config: Config) -> bool:
    if config.simulate:
        raise _UnknownNode(f"a simulated machine is no node; choose --allocation {DEVICE_PLUGIN} or {DRA}")
    if not config.node_name:
        raise _UnknownNode("the name of the node is unknown; in a pod, set NODE_NAME from spec.nodeName")
    # Imported late because the client costs memory.
    from gfd.kube.allocation import is_allocated_by_dra
    from gfd.kube.client import share

    return is_allocated_by_dra(share(config), config.node_name)
