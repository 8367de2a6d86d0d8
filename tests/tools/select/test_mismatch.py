"""``gfd select`` as it is typed, where no node matches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gfd import cli
from tests.pseudoterminal import typed
from tests.tools import goldens
from tests.tools.make import gpu_labels, node, write
from tests.tools.select.clusters import A100, SHARED, cluster
from tests.tools.select.conftest import Gfd

pytestmark = pytest.mark.whole


@pytest.mark.parametrize(
    ("name", "words", "reason"),
    [
        (
            "memory",
            ["--product=A100", "--memory", ">=40Gi"],
            (
                "no node meets all criteria; a1 comes closest, but for --memory '>=40Gi' it has 40536 MiB, "
                "1.0 % less; write '>=40GB' for cards sold with that much (1 node)"
            ),
        ),
        (
            "memory-alone",
            ["--memory", ">=80Gi"],
            (
                "--memory '>=80Gi' matches none of 8 nodes with GPUs; closest: h1 and h2 have 81559 MiB, 0.4 "
                "% less; write '>=80GB' for cards sold with that much (2 nodes)"
            ),
        ),
        (
            "memory-exact",
            ["--memory", "30Gi"],
            (
                "--memory '30Gi' matches none of 8 nodes with GPUs; closest: a1, a2 and m1 have 40536 MiB; "
                "write '>=30Gi' for that much or more (6 nodes)"
            ),
        ),
        (
            "product",
            ["--product=A10"],
            "--product 'A10' matches none of 8 nodes with GPUs; closest: a2 has A100-PCIE-40GB",
        ),
        (
            "driver",
            ["--driver", ">=550"],
            (
                "--driver '>=550' matches none of 8 nodes with GPUs; closest: a1, h1 and 5 more nodes have "
                "535.129.03"
            ),
        ),
        (
            "cuda",
            ["--cuda", "12.0"],
            (
                "--cuda '12.0' matches none of 8 nodes with GPUs; closest: a1, a2 and 6 more nodes have "
                "12.2; '12.0' means only 12.0: write '>=12.0' for this or a newer version (8 nodes)"
            ),
        ),
        (
            "profile",
            ["--mig-profile=2g.10gb"],
            "--mig-profile '2g.10gb' matches none of 8 nodes with GPUs; closest: m1 and s1 have 1g.5gb",
        ),
        (
            "part",
            ["--mig-profile=1g.5gb", "--memory", ">=40Gi"],
            "no node meets all criteria; m1 comes closest, but for --memory '>=40Gi' it has 4864 MiB",
        ),
        (
            "count",
            ["--product=H100", "--count=9"],
            "2 nodes match, but none can run the pod; h1 offers 8 nvidia.com/gpu, and --count asks for 9",
        ),
        (
            "two",
            ["--product=T4", "--compute", ">=8.0", "--driver", "<500"],
            (
                "--product 'T4' matches none of 8 nodes with GPUs; closest: t1 has Tesla-T4-SHARED; several "
                "pods share each of its GPUs: add --shared if that is enough"
            ),
        ),
        (
            "shared",
            ["--product=L40S", "--shared"],
            (
                "no node meets all criteria; l1 comes closest, but for --shared it has sharing strategy none"
                "; no device is shared there: leave out --shared"
            ),
        ),
        (
            "form",
            ["--product=H100 SXM"],
            (
                "--product 'H100 SXM' matches none of 8 nodes with GPUs; closest: h1 and h2 have NVIDIA-H100-"
                "80GB-HBM3; no label says whether NVIDIA-H100-80GB-HBM3 is SXM; leave the word out"
            ),
        ),
        (
            "link",
            ["--product=A100 NVLink"],
            (
                "--product 'A100 NVLink' matches none of 8 nodes with GPUs; closest: a2 has A100-PCIE-40GB; "
                "no label says whether A100-PCIE-40GB has NVLink; leave the word out"
            ),
        ),
        (
            "link-alone",
            ["--product=NVLink"],
            (
                "--product 'NVLink' matches none of 8 nodes with GPUs; closest: l1 has NVIDIA-L40S; no label "
                "says how GPUs are connected; write the name of a product"
            ),
        ),
        (
            "cloud",
            ["--product=g5.xlarge"],
            (
                "--product 'g5.xlarge' matches none of 8 nodes with GPUs; closest: a2 has A100-PCIE-40GB; "
                "g5.xlarge stands for NVIDIA-A10G"
            ),
        ),
        (
            "family",
            ["--family=hoper"],
            (
                "--family 'hoper' matches none of 8 nodes with GPUs; closest: a1, a2 and 6 more nodes have "
                "ampere; did you mean hopper?"
            ),
        ),
        (
            "gpus-per-node",
            ["--gpus-per-node=16"],
            "--gpus-per-node '16' matches none of 8 nodes with GPUs; closest: h1 and h2 have 8 GPUs",
        ),
        (
            "mig-memory-gi",
            ["--mig-memory", ">=5Gi"],
            (
                "--mig-memory '>=5Gi' matches none of 8 nodes with GPUs; closest: m1 and s1 have 1g.5gb; "
                "write '>=5GB': GB are those in the name of a profile (2 nodes)"
            ),
        ),
        (
            "mig-memory",
            ["--mig-memory", ">=20GB"],
            "--mig-memory '>=20GB' matches none of 8 nodes with GPUs; closest: m1 and s1 have 1g.5gb",
        ),
    ],
)
def test_no_node_matches(
    gfd: Gfd, tmp_path: Path, request: pytest.FixtureRequest, name: str, words: list[str], reason: str
) -> None:
    code, out, err = gfd(*cluster(tmp_path), *words)
    assert (code, err) == (1, f"gfd: {reason}\n")
    goldens.check(request, f"select-no-{name}", out)
    assert yaml.safe_load(out) is None
    found = json.loads(gfd(*cluster(tmp_path), *words, "-o=json")[1])
    assert found["answers"] == []
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    implied = {"without --shared", "whole GPUs"}
    options = [each["option"] for each in found["criteria"] if each["option"] not in implied]
    assert options == [each for each in given if each != "--count"]


@pytest.mark.parametrize("words", [["--mig-profile=1g.10gb"], [], ["--product=H100"]])
def test_mig_devices_are_no_gpus(gfd: Gfd, words: list[str]) -> None:
    simulated = ("--simulate=dgx-h100", "--mig=all-1g.10gb", "--mig-strategy=single")
    for groups, values in (("", []), ("counts", [{"value": "8", "nodes": 1}])):
        code, out, _ = gfd(*simulated, *words, f"--extra-labels={groups}", "--gpus-per-node=16", "-o=json")
        found = {each["option"]: each for each in json.loads(out)["criteria"]}["--gpus-per-node"]
        assert (code, found["nodes"], found["there"]) == (1, 0, values)


def test_a_model_that_mig_divides(gfd: Gfd) -> None:
    words = ("--simulate=mig-doc", "--mig-strategy=single", "--product=A100")
    code, _, err = gfd(*words)
    assert (code, err) == (0, "")
    code = cli.run(("--mig=all-1g.5gb", "select", *words), {})
    assert code == 1


def test_gpus_that_are_all_divided(gfd: Gfd) -> None:
    machine = ("--simulate=dgx-a100", "--mig=all-3g.20gb")
    offer = "--mig-profile 3g.20gb"
    code, _, err = gfd(*machine, "--mig-strategy=mixed", "--exclusive")
    assert code == 1
    assert err.endswith(f"it offers 0 nvidia.com/gpu, since MIG divides its GPUs; ask for {offer}\n")
    closest = f"closest: dgx-a100 has 3g.20gb; MIG divides the GPUs there: ask for {offer}\n"
    for words, head in (
        (["--exclusive"], "--exclusive does not match the only node with GPUs"),
        (["--family=ampere"], "no node has whole GPUs"),
    ):
        assert gfd(*machine, "--mig-strategy=single", *words)[::2] == (1, f"gfd: {head}; {closest}")


def test_devices_that_pods_share(gfd: Gfd, tmp_path: Path) -> None:
    labels = gpu_labels("Tesla-T4", 1, **SHARED)
    renamed = write(tmp_path / "renamed", node("t2", labels, {"gpu.shared": 4}))
    found = gfd("--nodes", renamed, "--product=T4")
    assert found[2] == (
        "gfd: t2 matches, but cannot run the pod: it offers only devices that pods share, as "
        "nvidia.com/gpu.shared; add --shared if that is enough\n"
    )
    assert gfd("--nodes", renamed, "--memory=>=1GB")[2] == (
        "gfd: no node has devices for one pod; closest: t2 has sharing strategy time-slicing; several pods "
        "share each device there: add --shared if that is enough\n"
    )
    code, out, err = gfd("--nodes", renamed, "--shared", "--count=2")
    assert (code, err) == (0, "")
    assert "# several shared devices of one pod can be parts of the same GPU\n" in out
    assert out.endswith("        nvidia.com/gpu.shared: 2\n")


def test_nodes_that_only_their_cloud_has_labelled(gfd: Gfd, tmp_path: Path) -> None:
    cloud = {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}
    path = write(tmp_path / "nodes", node("gke-1", cloud, {"gpu": 8}))
    reason = "gke-1 has nvidia-h100-80gb by its cloud's label, but gfd has not labelled it"
    expected = f"gfd: --product 'H100' does not match the only node with GPUs; {reason}\n"
    assert gfd("--nodes", path, "--product=H100")[2] == expected
    assert "gke-1" not in gfd("--nodes", path, "--product=T4")[2]


def test_alternatives_that_no_node_has(gfd: Gfd, tmp_path: Path) -> None:
    nodes = cluster(tmp_path)
    code, out, _ = gfd(*nodes, "--product=L40S,Titan", "--product=H200")
    assert code == 0
    assert out.splitlines()[1:3] == ["# no node has Titan", "# no node has H200"]
    assert "no node has" not in gfd(*nodes, "--product=A100,L40S")[1]
    assert "no node has" not in gfd("--without-nodes", "--product=A100,Titan")[1]
    labels = gpu_labels(A100, 1, gpu_family="ampere")
    path = write(tmp_path / "family", node("a", labels, {"gpu": 1}))
    assert "# no node has ampre\n" in gfd("--nodes", path, "--family=ampre,ampere")[1]


def test_a_near_miss_beside_a_node_that_cannot_run_the_pod(gfd: Gfd, tmp_path: Path) -> None:
    research = {"key": "team", "value": "research", "effect": "NoSchedule"}
    path = write(
        tmp_path / "nodes",
        node("b1", gpu_labels("NVIDIA-B200", 8, gpu_memory="183358"), {"gpu": 8}, taints=[research]),
        node("h1", gpu_labels("NVIDIA-H100-80GB-HBM3", 8, gpu_memory="81559"), {"gpu": 8}),
    )
    code, out, err = gfd("--nodes", path, "--memory=>=80Gi")
    assert code == 1
    assert "b1 matches, but cannot run the pod" in err
    assert out.splitlines()[-1] == (
        "# near miss: h1 has 81559 MiB, 0.4 % less; write '>=80GB' for cards sold with that much (1 node)"
    )


def test_clusters_without_gpus(gfd: Gfd, tmp_path: Path) -> None:
    words = ("--product=A100", "--nodes")
    empty, plain = (
        write(
            tmp_path / "empty",
        ),
        write(tmp_path / "plain", node("plain")),
    )
    nothing = "# CRITERION       NODES  VALUES\n# --product A100  0\n"
    assert gfd(*words, empty) == (1, nothing, "gfd: there are no nodes\n")
    assert gfd(*words, plain) == (1, nothing, "gfd: none of 1 node has a GPU\n")
    bare = write(tmp_path / "bare", node("bare", offers={"gpu": 1}))
    reason = "--product 'A100' does not match the only node with GPUs; no node has a label for it"
    assert gfd(*words, bare) == (1, nothing, f"gfd: {reason}\n")


def test_labels_with_any_text(gfd: Gfd, tmp_path: Path) -> None:
    labels = gpu_labels(A100, gpu_memory="big", cuda_driver__version_major="x", cuda_driver__version_minor="")
    path = write(tmp_path / "nodes", node("odd", labels, {"gpu": 8}))
    code, out, err = gfd("--nodes", path, "--memory", ">=1Gi", "--driver", ">=1")
    assert code == 1
    assert err == "gfd: --memory '>=1Gi' does not match the only node with GPUs; closest: odd has big MiB\n"
    assert out.splitlines()[-1] == "# --driver >=1    0      x.03 (1)"


def test_a_narrow_terminal(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with typed("select", *cluster(tmp_path), "--product=A10") as terminal:
        text = terminal.read_all()
    assert terminal.process.returncode == 1
    goldens.check(request, "select-60-columns", text)
