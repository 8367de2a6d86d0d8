"""gfd match of several copies and several pods: how many fit, and what the table shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.match.command import Gfd, listed, node, placed

pytestmark = pytest.mark.whole

GPU = "nvidia.com/gpu"
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes an object with a pod template for some GPUs."""

    def write_object(kind: str, name: str, gpus: int, *, spec: str = "", version: str = "apps/v1") -> str:
        path = tmp_path / f"{name}.yaml"
        container = f"{{name: c, image: i, resources: {{limits: {{{GPU}: {gpus}}}}}}}"
        template = f"template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{container}]}}}}"
        path.write_text(
            f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n"
            f"spec: {{selector: {{matchLabels: {{a: b}}}}, {spec}{template}}}\n"
        )
        return str(path)

    return write_object


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Return a function that writes nodes, by their number of GPUs, and returns the options for them."""

    def write_nodes(*gpus: int) -> tuple[str, ...]:
        nodes = [node(f"n{number:02}", "T4", count) for number, count in enumerate(gpus)]
        nodes = [each for each in nodes if each["status"]["allocatable"].update(pods="110") is None]
        return (
            "--nodes",
            listed(tmp_path / "nodes.json", *nodes),
            "--pods",
            listed(tmp_path / "pods.json", placed("x", "n00", 1)),
        )

    return write_nodes


def test_replicas(gfd: Gfd, write: Write, cluster: Callable[..., tuple[str, ...]]) -> None:
    file = write("Deployment", "web", 2, spec="replicas: 3, ")
    assert gfd("match", file, *cluster(3, 3, 1)) == (
        1,
        (
            f"Deployment web ({file}:1): 2 of 3 replicas fit, on 2 of 3 nodes\n"
            "node  product  fits  room  pod asks for      node has\n"
            "n00   T4       yes   1     2 nvidia.com/gpu  2 of 3 free\n"
            "n01   T4       yes   1     2 nvidia.com/gpu  3 of 3 free\n"
            "n02   T4       no          2 nvidia.com/gpu  1 of 1 free\n"
            "1 replica finds no node: 3 nodes lack 2 nvidia.com/gpu free\n"
            f"edit: {file}:4: nvidia.com/gpu: 2 → 1, because the node has only 1 nvidia.com/gpu free\n"
            "then 3 of 3 replicas fit\n"
        ),
        f"gfd: Deployment web ({file}:1): 2 of 3 replicas fit\n",
    )
    code, out, err = gfd("match", file, *cluster(3, 3, 2))
    assert (code, out.splitlines()[0], err) == (
        0,
        f"Deployment web ({file}:1): 3 of 3 replicas fit, on 3 of 3 nodes",
        "",
    )


def test_an_amount_that_the_node_does_not_name(gfd: Gfd, write: Write) -> None:
    file = write("Job", "j", 1, version="batch/v1")
    text = Path(file).read_text()
    Path(file).write_text(text.replace(f"{{{GPU}: 1}}", f"{{{GPU}: 1, cpu: 8}}"))
    code, out, _ = gfd("match", file, "--simulate=t4")
    assert code == 3
    assert "nvidia.com/gpu 1 of 1 free, cpu unknown\nnot judged: cpu: " in out


def test_no_replicas(gfd: Gfd, write: Write, cluster: Callable[..., tuple[str, ...]]) -> None:
    file = write("Deployment", "web", 2, spec="replicas: 0, ")
    code, out, _ = gfd("match", file, *cluster(3))
    assert (code, out.splitlines()[0]) == (
        0,
        f"Deployment web ({file}:1): asks for no replica; one would fit 1 of 1 node",
    )


def test_several_pods_of_a_run(gfd: Gfd, write: Write, cluster: Callable[..., tuple[str, ...]]) -> None:
    one, other = write("Job", "one", 2, version="batch/v1"), write("Job", "other", 2, version="batch/v1")
    options = cluster(3)
    code, out, err = gfd("match", one, other, *options)
    assert (code, err) == (1, f"gfd: Job other ({other}:1) fits no node\n")
    assert out.splitlines()[4:] == [
        f"Job other ({other}:1): fits none of 1 node",
        "node  product  fits  pod asks for      node has",
        "n00   T4       no    2 nvidia.com/gpu  0 of 3 free",
        f"taken by earlier pods: Job one ({one}:1); --each judges each pod alone",
    ]
    code, out, err = gfd("match", one, other, *options, "--each")
    assert (code, out.count("fits 1 of 1 node"), err) == (0, 2, "")


def test_the_choice_of_the_scheduler_decides(
    gfd: Gfd, write: Write, cluster: Callable[..., tuple[str, ...]]
) -> None:
    small, large = write("Job", "small", 1, version="batch/v1"), write("Job", "large", 4, version="batch/v1")
    code, out, err = gfd("match", small, large, *cluster(3, 4))
    assert (code, err) == (
        3,
        f"gfd: Job large ({large}:1) may fit; what could not be judged is in the output\n",
    )
    assert out.splitlines()[5:] == [
        f"Job large ({large}:1): may fit 1 of 2 nodes",
        "node  product  fits   pod asks for      node has",
        "n01   T4       maybe  4 nvidia.com/gpu  4 of 4 free",
        "n00   T4       no     4 nvidia.com/gpu  1 of 3 free",
        f"not judged: earlier pods: Job small ({small}:1) may take what the pod needs on the node",
    ]


def test_a_gang(gfd: Gfd, tmp_path: Path, cluster: Callable[..., tuple[str, ...]]) -> None:
    file = tmp_path / "llama.yaml"
    container = f"{{name: c, image: i, resources: {{limits: {{{GPU}: 1}}}}}}"
    file.write_text(
        "apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata: {name: llama}\n"
        "spec: {replicas: 1, leaderWorkerTemplate: {size: 4, workerTemplate:"
        f" {{spec: {{containers: [{container}]}}}}}}}}\n"
    )
    code, out, err = gfd("match", str(file), *cluster(3, 1))
    text = "3 of 4 pods of LeaderWorkerSet llama fit, and none starts before all do"
    assert (code, err) == (1, f"gfd: {text}\n")
    assert text in out.splitlines()
    result = json.loads(gfd("match", str(file), *cluster(3, 1), "-o", "json")[1])
    (found,) = result["pods"]
    assert (found["copies"], found["placed"], found["placed_at_most"], found["verdict"]) == (4, 3, 3, "no")
    assert found["gang"] == {
        "name": "LeaderWorkerSet llama",
        "copies": 4,
        "minimum": 4,
        "placed": 3,
        "placed_at_most": 3,
        "verdict": "no",
    }
    assert [each["room"] for each in found["nodes"]] == [2, 1]
    assert gfd("match", str(file), *cluster(3, 2))[0] == 0


def test_equal_gangs_have_one_table(
    gfd: Gfd, tmp_path: Path, cluster: Callable[..., tuple[str, ...]]
) -> None:
    file = tmp_path / "llama.yaml"
    container = f"{{name: c, image: i, resources: {{limits: {{{GPU}: 2}}}}}}"
    file.write_text(
        "apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata: {name: llama}\n"
        "spec: {replicas: 3, leaderWorkerTemplate: {size: 2, workerTemplate:"
        f" {{spec: {{containers: [{container}]}}}}}}}}\n"
    )
    code, out, _ = gfd("match", str(file), *cluster(3, 4))
    title = "LeaderWorkerSet llama, workers, group"
    assert [line for line in out.splitlines() if line and not line.startswith("n")] == [
        f"{title} 1 ({file}:4): 2 of 2 workers fit, on 2 of 2 nodes",
        f"{title} 2 ({file}:4): 1 of 2 workers fits, on 2 of 2 nodes",
        f"{title} 3 ({file}:4): 0 to 1 of 2 workers fit, on 2 of 2 nodes",
    ]
    assert code == 1
    whole = gfd("match", str(file), *cluster(3, 4), "--all")[1]
    assert (out.count("pod asks for"), whole.count("pod asks for")) == (1, 3)


def test_a_daemon_set(gfd: Gfd, write: Write, cluster: Callable[..., tuple[str, ...]]) -> None:
    file = write("DaemonSet", "agent", 3)
    code, out, err = gfd("match", file, *cluster(4, 4, 2))
    assert (code, err) == (1, f"gfd: DaemonSet agent ({file}:1): 2 of 3 pods fit\n")
    assert out.splitlines()[-3:] == [
        "1 pod finds no node: 1 node lacks 3 nvidia.com/gpu free",
        f"edit: {file}:4: nvidia.com/gpu: 3 → 2, because the node has only 2 nvidia.com/gpu",
        "then 3 of 3 pods fit",
    ]
    assert gfd("match", file, *cluster(4, 4))[0] == 0


def test_the_nearest_misses(gfd: Gfd, write: Write, cluster: Callable[..., tuple[str, ...]]) -> None:
    file, options = write("Job", "large", 8, version="batch/v1"), cluster(*[0] * 30, *[4] * 3, 8)
    lines = gfd("match", file, *options)[1].splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        *("node", "n33", "n30", "n31", "n32"),
        *(f"n{number:02}" for number in range(17)),
        "and",
    ]
    assert lines[-1] == "and 13 more nodes that do not fit; --all shows them"
    every = gfd("match", file, *options, "--all")[1].splitlines()
    assert (len(every), every[:-13]) == (36, lines[:-1])


def test_sources_that_exclude_each_other(gfd: Gfd, write: Write, nodes: str) -> None:
    file = write("Job", "j", 1, version="batch/v1")
    reason = "cannot be used with --simulate, which makes a node of its own; leave out one of the two"
    for flag in ("--nodes", "--pods"):
        assert gfd("match", file, flag, nodes, "--simulate=t4") == (
            2,
            "",
            f"gfd: {flag} (command line): {reason}\n",
        )
        assert gfd("nodes", flag, nodes, "--simulate=t4")[2] == f"gfd: {flag} (command line): {reason}\n"
