"""How many copies of a pod fit if they keep each other from nodes, or if others have to give way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tools.match.command import Gfd, listed, node, placed
from tests.tools.match.podspec.pod_refusals import REQUIRED

HOSTNAME, ZONE = "kubernetes.io/hostname", "zone"
WEB = {"matchLabels": {"app": "web"}}
Object = dict[str, Any]


@pytest.fixture
def nodes(tmp_path: Path) -> str:
    """Return a file with two nodes of zone a and one of zone b."""
    found = []
    for name, zone in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        item = node(name)
        item["metadata"]["labels"] |= {HOSTNAME: name, ZONE: zone}
        found.append(item)
    return listed(tmp_path / "nodes.json", *found)


@pytest.fixture
def pods(tmp_path: Path) -> str:
    """Return a file without pods."""
    return listed(tmp_path / "pods.json")


def apart(key: str) -> Object:
    return {"affinity": {"podAntiAffinity": {REQUIRED: [{"topologyKey": key, "labelSelector": WEB}]}}}


def spread(key: str, **more: Any) -> Object:
    constraint = {"topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
    return {"topologySpreadConstraints": [constraint | {"labelSelector": WEB} | more]}


def write(file: Path, replicas: int, gpus: int = 1, ports: Any = (), **spec: Any) -> str:
    """Write a Deployment with the label app=web, and return its path."""
    container = {
        "name": "c",
        "image": "i",
        "ports": [{"containerPort": port, "hostPort": port} for port in ports],
        "resources": {"limits": {"nvidia.com/gpu": gpus}},
    }
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec}}
    content = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": file.stem},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }
    file.write_text(json.dumps(content))
    return str(file)


@pytest.mark.parametrize(
    ("replicas", "spec", "code", "summary"),
    [
        (3, {"ports": (80,)}, 0, "3 of 3 replicas fit"),
        (4, {"ports": (80,)}, 1, "3 of 4 replicas fit"),
        (4, apart(HOSTNAME), 1, "3 of 4 replicas fit"),
        (3, apart(ZONE), 1, "2 of 3 replicas fit"),
        (4, spread(ZONE) | {"gpus": 8}, 1, "3 of 4 replicas fit"),
        (9, spread(HOSTNAME, maxSkew=2) | {"gpus": 2}, 0, "9 of 9 replicas fit"),
        (2, spread(ZONE, minDomains=3), 0, "2 of 2 replicas fit"),
        (3, spread(ZONE, minDomains=3), 1, "2 of 3 replicas fit"),
        (3, spread("rack"), 1, "fits none of 3 nodes"),
        (300, {"gpus": 0, **spread(ZONE)}, 3, "221 to 300 of 300 replicas fit"),
    ],
)
def test_replicas(
    gfd: Gfd, tmp_path: Path, nodes: str, pods: str, replicas: int, spec: Object, code: int, summary: str
) -> None:
    file = write(tmp_path / "web.json", replicas, **spec)
    found, out, _ = gfd("match", file, "--nodes", nodes, "--pods", pods)
    assert (found, summary in out.splitlines()[0]) == (code, True), out


def test_the_first_copy_chooses_the_domain(gfd: Gfd, tmp_path: Path, nodes: str, pods: str) -> None:
    near = {"affinity": {"podAffinity": {REQUIRED: [{"topologyKey": ZONE, "labelSelector": WEB}]}}}
    file = write(tmp_path / "web.json", 2, gpus=8, **near)
    code, out, _ = gfd("match", file, "--nodes", nodes, "--pods", pods)
    assert (code, "1 to 2 of 2 replicas fit" in out) == (3, True), out


def test_two_objects_that_want_one_port(gfd: Gfd, tmp_path: Path, nodes: str, pods: str) -> None:
    first, second = (write(tmp_path / f"{name}.json", 2, ports=(80,)) for name in ("one", "two"))
    code, out, _ = gfd("match", first, second, "--nodes", nodes, "--pods", pods)
    assert (code, "1 of 2 replicas fits" in out) == (1, True), out
    other = write(tmp_path / "other.json", 2, ports=(81,))
    code, out, _ = gfd("match", first, other, "--nodes", nodes, "--pods", pods)
    assert (code, out.count("2 of 2 replicas fit")) == (0, 2), out


def test_an_earlier_object_that_excludes_a_later_one(gfd: Gfd, tmp_path: Path, nodes: str, pods: str) -> None:
    first, second = write(tmp_path / "one.json", 2, **apart(ZONE)), write(tmp_path / "two.json", 1)
    code, out, _ = gfd("match", first, second, "--nodes", nodes, "--pods", pods)
    assert (code, "may fit" in out) == (3, True), out


def test_pods_of_lower_priority_give_way(gfd: Gfd, tmp_path: Path, nodes: str) -> None:
    low = [placed(f"low-{name}", name, 8) for name in ("a1", "a2", "b1")]
    low[2]["spec"]["priority"] = 3_000_000_000 - 10**9
    pods = listed(tmp_path / "pods.json", *low)
    file = write(tmp_path / "web.json", 1, gpus=8, priorityClassName="system-cluster-critical")
    code, out, _ = gfd("match", file, "--nodes", nodes, "--pods", pods)
    assert code == 3, out
    assert "may fit 2 of 3 nodes" in out
    assert "priority: would fit after preempting default/low-a1 (priority 0)" in out
    code, out, _ = gfd("match", file, "--nodes", nodes, "--pods", pods, "-o", "json")
    (answer,) = json.loads(out)["pods"]
    assert {each["name"]: each["preempts"] for each in answer["nodes"]} == {
        "a1": [{"namespace": "default", "name": "low-a1", "priority": 0}],
        "a2": [{"namespace": "default", "name": "low-a2", "priority": 0}],
        "b1": [],
    }
    assert (out.count('"room": 1'), out.count('"room": 0')) == (2, 1)
    file = write(tmp_path / "web.json", 3, gpus=8, priorityClassName="system-cluster-critical")
    code, out, _ = gfd("match", file, "--nodes", nodes, "--pods", pods)
    assert (code, "2 of 3 replicas fit" in out.splitlines()[0]) == (1, True), out


@pytest.mark.parametrize(("kind", "key"), [("Deployment", "pod-template-hash"), ("Job", "other")])
def test_a_new_revision_is_spread_without_the_old_one(
    gfd: Gfd, tmp_path: Path, nodes: str, kind: str, key: str
) -> None:
    old = placed("web-old", "a1", 1)
    old["metadata"]["labels"] = {"app": "web", key: "old"}
    pods = listed(tmp_path / "pods.json", old)
    file = tmp_path / "web.json"
    write(file, 3, gpus=0, **spread(HOSTNAME, matchLabelKeys=[key]))
    content = json.loads(file.read_text())
    if kind == "Job":
        content |= {"apiVersion": "batch/v1", "kind": "Job"}
        content["spec"] = {"parallelism": 3, "completions": 3, "template": content["spec"]["template"]}
        content["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    file.write_text(json.dumps(content))
    _, out, _ = gfd("match", str(file), "--nodes", nodes, "--pods", pods, "--each")
    # For a key that the pod lacks, the API server adds nothing.
    assert ("fits 3 of 3 nodes" in out) is (kind == "Deployment"), out
