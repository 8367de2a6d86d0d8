"""Who gives GPUs to pods: the device plugin or DRA."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.config.loader import load
from gfd.config.model import Config
from gfd.config.node_config import ConfigLoader
from gfd.errors import ConfigError
from gfd.labels.sharing import Sharing

INSTEAD = "each MIG profile is labelled, as under mixed"
SHARED = "sharing:\n  timeSlicing:\n    resources: [{name: nvidia.com/gpu, replicas: 4}]\n"


def summarize(config: Config) -> tuple[str, bool]:
    return config.mig_strategy, config.has_device_plugin


def test_the_device_plugin_is_the_default() -> None:
    loaded = load({"mig_strategy": "single"}, {})
    assert summarize(loaded.config) == ("single", True)
    assert load({}, {"GFD_ALLOCATION": "device-plugin"}).config.has_device_plugin


def test_dra_labels_each_mig_profile() -> None:
    loaded = load({}, {"GFD_ALLOCATION": "dra"})
    assert summarize(loaded.config) == ("mixed", False)
    assert loaded.warnings == ()
    (strategy,) = (each for each in loaded.options if each.option.field == "mig_strategy")
    assert (strategy.text, strategy.origin) == ("mixed", "--allocation dra")


def test_dra_ignores_strategy_and_sharing_with_a_warning(file: Path) -> None:
    file.write_text(f"flags: {{gfd: {{allocation: dra}}}}\n{SHARED}")
    loaded = load({"config_file": str(file)}, {"MIG_STRATEGY": "single"})
    assert summarize(loaded.config) == ("mixed", False)
    assert loaded.config.sharing == Sharing()
    chosen = f"--allocation dra ({file}:1)"
    assert loaded.warnings == (
        f"--mig-strategy single (MIG_STRATEGY) is ignored, since {chosen}; {INSTEAD}",
        f"{file}:3: sharing is ignored, since {chosen}; only the device plugin shares GPUs in this way",
    )
    flag = load({"mig_strategy": "none", "allocation": "dra"}, {}).warnings
    assert flag == (f"--mig-strategy none is ignored, since --allocation dra; {INSTEAD}",)
    assert load({"mig_strategy": "mixed", "allocation": "dra"}, {}).warnings == ()


def test_a_wrong_value() -> None:
    with pytest.raises(ConfigError, match=r"--allocation \(GFD_ALLOCATION\): .*device-plugin, dra or auto"):
        load({}, {"GFD_ALLOCATION": "drs"})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "the name of the node is unknown; in a pod, set NODE_NAME from spec.nodeName"),
        (
            {"simulate": "h100", "node_name": "n"},
            "a simulated machine is no node; choose --allocation device-plugin or dra",
        ),
    ],
)
def test_auto_without_a_node(values: dict[str, str], reason: str) -> None:
    values = {**values, "allocation": "auto"}
    loaded = ConfigLoader(values, {})()
    assert summarize(loaded.config) == ("none", True)
    assert loaded.warnings == (f"--allocation auto cannot ask the cluster, so it is device-plugin: {reason}",)
    # A command that makes no labels does not ask.
    assert ConfigLoader(values, {}, is_labelling=False)().warnings == ()
