"""The node's label chooses the configuration, on a real API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.running import serve
from tests.cluster import agents
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, delete, make_node, merge, node_labels
from tests.cluster.test_rights import COMPONENTS

pytestmark = pytest.mark.cluster

LABEL = "nvidia.com/device-plugin.config"


def test_the_label_is_followed(plane: ControlPlane, tmp_path: Path) -> None:
    agents.install(plane, COMPONENTS / "node")
    make_node(plane.admin, "chooser", labels={LABEL: "single"})
    configs = tmp_path / "configs"
    configs.mkdir()
    for name in ("default", "none", "single", "mixed"):
        strategy = name.replace("default", "none")
        (configs / name).write_text(f"version: v1\nflags: {{migStrategy: {strategy}}}\n")
    (configs / "broken").write_text("flags: {migStrategy: wrong}\n")
    agent = agents.start(plane, "chooser")
    given = (f"--config-dir={configs}", "--node-name=chooser", f"--kubeconfig={agent.kubeconfig}")
    try:
        with serve(tmp_path, *given) as service:
            wait_for(lambda: service.labels.get("mig.strategy") == "single", "the first choice")
            merge(plane.admin, f"{NODES}/chooser", "someone", labels={LABEL: "mixed"})
            wait_for(lambda: service.labels.get("mig.strategy") == "mixed", "the second choice", 10)
            merge(plane.admin, f"{NODES}/chooser", "someone", labels={LABEL: "broken"})
            rejected = wait_for(lambda: service.log("config.rejected"), "the rejection", 10)
            assert "flags.migStrategy" in rejected[0]["reason"]
            merge(plane.admin, f"{NODES}/chooser", "someone", labels={LABEL: "gone"})
            wait_for(lambda: len(service.log("config.rejected")) > 1, "another rejection", 10)
            reason = service.log("config.rejected")[-1]["reason"]
            assert reason.startswith(
                f"{LABEL} (label of node chooser): {configs} has no configuration 'gone'"
            )
            assert service.labels.get("mig.strategy") == "mixed"
            merge(plane.admin, f"{NODES}/chooser", "someone", labels={LABEL: None})
            wait_for(lambda: "mig.strategy" not in service.labels, "the default", 10)
            # What is in the chosen file is followed as before.
            (configs / "default").write_text("version: v1\nflags: {migStrategy: single}\n")
            wait_for(lambda: service.labels.get("mig.strategy") == "single", "the changed file", 10)
    finally:
        delete(plane.admin, f"{NODES}/chooser")


def test_sink_and_configuration_share_one_watch(plane: ControlPlane, tmp_path: Path) -> None:
    agents.install(plane, COMPONENTS / "node")
    make_node(plane.admin, "sharer", labels={LABEL: "single"})
    for name in ("none", "single"):
        (tmp_path / name).write_text(f"version: v1\nflags: {{migStrategy: {name}}}\n")
    agent = agents.start(plane, "sharer")
    given = (f"--config-dir={tmp_path}", "--node-name=sharer", f"--kubeconfig={agent.kubeconfig}")
    strategy, driver = "nvidia.com/mig.strategy", "nvidia.com/cuda.driver.major"

    def is_published(key: str, value: str | None) -> bool:
        return node_labels(plane.admin, "sharer").get(key) == value

    try:
        with serve(tmp_path, *given, "--sink=node"):
            wait_for(lambda: is_published(strategy, "single"), "the first choice")
            merge(plane.admin, f"{NODES}/sharer", "someone", labels={LABEL: "none"})
            wait_for(lambda: is_published(strategy, None), "the second choice", 10)
            had = node_labels(plane.admin, "sharer")[driver]
            merge(plane.admin, f"{NODES}/sharer", "someone", labels={driver: None})
            wait_for(lambda: is_published(driver, had), "the label that was taken away", 10)
        watches = [each for each in plane.requests() if each["verb"] == "watch"]
        assert len([each for each in watches if "sharer" in each["requestURI"]]) == 1
    finally:
        delete(plane.admin, f"{NODES}/sharer")
