"""The clusters that the commands for people are measured against are such as they understand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench import people, population
from bench.population import describe_nodes, describe_pods, devices, write


def gfd(*words: str) -> str:
    run = subprocess.run([sys.executable, "-m", "gfd", *words], capture_output=True, text=True, check=True)
    return run.stdout


def test_each_size_is_one_cluster_grown() -> None:
    ten = list(describe_nodes(10))
    assert list(describe_nodes(4)) == ten[:4]
    assert len({node["metadata"]["uid"] for node in ten}) == 10
    assert [devices(node["metadata"]["labels"]) for node in ten[:5]] == [
        {"nvidia.com/gpu": 0, "nvidia.com/mig-1g.5gb": 56},
        {"nvidia.com/gpu": 8},
        {"nvidia.com/gpu": 1},
        {"nvidia.com/gpu": 4},
        {"nvidia.com/gpu": 0, "nvidia.com/mig-1g.5gb": 56},
    ]


def test_no_node_has_more_pods_than_devices() -> None:
    nodes = list(describe_nodes(4))
    pods = list(describe_pods(nodes))
    assert len(pods) == 4 * population.PODS_A_NODE
    wanted = [next(iter(pod["spec"]["containers"][0]["resources"]["limits"])) for pod in pods]
    assert {name: wanted.count(name) for name in wanted} == {
        "nvidia.com/mig-1g.5gb": 2, "cpu": 33, "nvidia.com/gpu": 5,
    }  # fmt: skip


def test_the_commands_find_what_they_are_measured_by(tmp_path: Path) -> None:
    nodes = write(tmp_path / "nodes.json", describe_nodes(4))
    pods = write(tmp_path / "pods.json", describe_pods(describe_nodes(4)))
    pod = tmp_path / "pod.yaml"
    pod.write_text(people.POD)
    shown = json.loads(gfd("nodes", f"--nodes={nodes}", f"--pods={pods}", "-o", "json"))["nodes"]
    assert [(row["node"], row["gpus"], row["allocated"]) for row in shown] == [
        ("node-00000", 8, {"nvidia.com/gpu": 0, "nvidia.com/mig-1g.5gb": 2}),
        ("node-00001", 8, {"nvidia.com/gpu": 2}),
        ("node-00002", 1, {"nvidia.com/gpu": 1}),
        ("node-00003", 4, {"nvidia.com/gpu": 2}),
    ]
    assert "fits 1 of 4 nodes" in gfd("match", str(pod), f"--nodes={nodes}", f"--pods={pods}")
    gfd("report", f"--html={tmp_path / 'page.html'}", f"--nodes={nodes}")
    assert "node-00003" in (tmp_path / "page.html").read_text()
