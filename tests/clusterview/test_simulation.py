from __future__ import annotations

from pathlib import Path

import pytest

from gfd.clusterview.simulation import simulate_node, simulate_nodes
from gfd.config.loader import load
from gfd.config.model import LoadedConfig
from gfd.errors import ConfigError

GPU = "nvidia.com/gpu"


def loaded(**values: str) -> LoadedConfig:
    return load(values, {})


SHARING = """\
version: v1
sharing:
  timeSlicing:
    renameByDefault: {}
    resources: [{{name: nvidia.com/gpu, replicas: 4}}]
"""


SOME = """\
version: v1
mig-configs:
  some:
  - {devices: [0], mig-enabled: true, mig-devices: {1g.5gb: 7}}
  - {devices: [1], mig-enabled: true, mig-devices: {3g.20gb: 2}}
  - {devices: [2, 3, 4, 5, 6, 7], mig-enabled: false}
"""


@pytest.mark.parametrize(
    ("machine", "layout", "strategy", "offered"),
    [
        ("mig-doc", "all-1g.5gb", "none", {GPU: 1}),
        ("mig-doc", "all-1g.5gb", "single", {GPU: 7}),
        ("mig-doc", "all-1g.5gb", "mixed", {"nvidia.com/mig-1g.5gb": 7}),
        ("mig-doc", "", "mixed", {GPU: 1}),
        ("dgx-a100", "", "single", {GPU: 8}),
        ("dgx-a100", "some", "none", {GPU: 8}),
        ("dgx-a100", "some", "single", {}),
        ("dgx-a100", "some", "mixed", {GPU: 6, "nvidia.com/mig-1g.5gb": 7, "nvidia.com/mig-3g.20gb": 2}),
        ("no-gpu", "", "none", {}),
        ("t4", "", "none", {GPU: 1}),
        ("mixed-models", "", "none", {GPU: 3}),
        ("dgx-a100", "", "mixed", {GPU: 8}),
    ],
)  # fmt: skip
def test_a_machine_offers_what_the_device_plugin_would(
    tmp_path: Path, machine: str, layout: str, strategy: str, offered: dict[str, int]
) -> None:
    values = {"simulate": machine, "mig_strategy": strategy, "no_timestamp": "true"}
    if layout == "some":
        (tmp_path / "some.yaml").write_text(SOME)
        layout = str(tmp_path / "some.yaml")
    found = simulate_node(loaded(**values, **({"mig": layout} if layout else {})))
    assert (found.name, found.allocatable, found.capacity, found.requested) == (machine, offered, offered, {})
    assert found.labels["nvidia.com/vgpu.present"] == "false"


@pytest.mark.parametrize(("is_renamed", "name"), [("false", GPU), ("true", "nvidia.com/gpu.shared")])
def test_shared_gpus(tmp_path: Path, is_renamed: str, name: str) -> None:
    (tmp_path / "config.yaml").write_text(SHARING.format(is_renamed))
    config = loaded(simulate="dgx-a100", config_file=str(tmp_path / "config.yaml"), node_name="n9")
    found = simulate_node(config)
    assert (found.name, found.allocatable) == ("n9", {name: 32})


def test_one_name_for_several_nodes_is_refused() -> None:
    one = simulate_nodes(load({"simulate": "t4", "node_name": "mine"}, {}))
    assert [node.name for node in one] == ["mine"]
    with pytest.raises(ConfigError) as caught:
        simulate_nodes(load({"simulate": "t4,a10", "node_name": "mine"}, {}))
    assert str(caught.value) == (
        "--node-name (command line): cannot name 2 nodes; simulate one machine, or leave --node-name out"
    )
    # The environment is set for all commands.
    several = simulate_nodes(load({"simulate": "t4,a10"}, {"NODE_NAME": "mine"}))
    assert [node.name for node in several] == ["a10", "t4"]
