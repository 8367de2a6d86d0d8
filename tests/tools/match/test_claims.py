"""gfd match judges pods with resourceClaims, from files to output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gfd.tools.match.cel import CelMissing
from gfd.tools.match.dra import reader, state
from tests.tools.match.claim_files import (
    A100,
    H100,
    by_claim,
    by_template,
    claim,
    deployment,
    exactly,
    held,
    pod,
    row,
    template,
    write_cluster,
    write_pods,
)
from tests.tools.match.command import Gfd

DRA = ("--simulate=dgx-h100", "--allocation=dra")


def test_a_simulated_machine(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, template("two", exactly(2, H100)), pod("p", by_template("two")))
    code, out, err = gfd("match", file, *DRA)
    assert (code, err) == (0, "")
    assert out == (
        f"Pod p ({file}:3): fits 1 of 1 node\n"
        "node      product                memory     fits  pod asks for                 node has\n"
        "dgx-h100  NVIDIA-H100-80GB-HBM3  81559 MiB  yes   claim gpu: 2 gpu.nvidia.com  8 of 8 devices free\n"
    )


def test_a_selector_that_no_device_meets(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, template("two", exactly(2, A100)), pod("p", by_template("two")))
    code, out, err = gfd("match", file, *DRA)
    assert (code, err) == (1, f"gfd: Pod p ({file}:3) fits no node\n")
    assert row(out).endswith(
        "no claim gpu: 2 gpu.nvidia.com 0 of 8 devices free; 8 do not meet the selectors"
    )
    assert out.splitlines()[3] == (
        f"devices of dgx-h100: {file}:1: 8 devices do not meet {A100}; they have productName:"
        " NVIDIA H100 80GB HBM3"
    )


def test_a_selector_that_one_device_does_not_meet(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, template("one", exactly(1, A100)), pod("p", by_template("one")))
    code, out, _ = gfd("match", file, "--nodes", write_cluster(tmp_path, gpus=1))
    assert code == 1
    assert row(out).endswith("0 of 1 device free; 1 does not meet the selectors")
    assert f": 1 device does not meet {A100}; it has productName: NVIDIA H100 80GB HBM3\n" in out


def test_the_devices_that_claims_hold(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, template("two", exactly(2)), pod("p", by_template("two")))
    taken = claim("other", **held("a", "gpu-0", "gpu-1", "gpu-2", pod="x"))
    cluster = write_cluster(tmp_path, taken, nodes=("a", "b"))
    code, out, _ = gfd("match", file, "--nodes", cluster, "-o", "json")
    (found,) = json.loads(out)["pods"]
    first, second = found["nodes"]
    assert (code, first["name"], first["verdict"]) == (0, "b", "fits")
    assert [each["device"] for each in first["claims"]["devices"]] == ["gpu-0", "gpu-1"]
    assert second["failed"] == [
        {
            "kind": "resourceClaims",
            "term": "claim gpu: 2 gpu.nvidia.com",
            "there": "1 of 4 devices free; 3 taken",
        }
    ]
    (request,) = second["claims"]["requests"]
    assert (request["suitable"], request["taken"], request["free"]) == (4, 3, ["gpu-3"])


def test_copies_take_devices_one_after_the_other(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, template("three", exactly(3)), deployment("d", 6, by_template("three")))
    code, out, err = gfd("match", file, "--simulate=dgx-h100,dgx-h100", "--allocation=dra")
    assert (code, err) == (1, f"gfd: Deployment d ({file}:3): 4 of 6 replicas fit\n")
    assert row(out).startswith("dgx-h100 NVIDIA-H100-80GB-HBM3 81559 MiB yes 2 claim gpu")
    assert out.splitlines()[-1] == (
        "2 replicas find no node: 2 nodes lack devices for claim gpu: 3 gpu.nvidia.com"
    )


def test_earlier_pods_take_devices_from_later_ones(gfd: Gfd, tmp_path: Path) -> None:
    templates = template("five", exactly(5)), template("four", exactly(4))
    file = write_pods(tmp_path, *templates, pod("p", by_template("five")), pod("q", by_template("four")))
    code, out, _ = gfd("match", file, *DRA)
    assert code == 1
    assert "claim gpu: 4 gpu.nvidia.com  3 of 8 devices free; 5 taken\n" in out
    assert f"taken by earlier pods: Pod p ({file}:5); --each judges each pod alone\n" in out
    assert gfd("match", file, *DRA, "--each")[0] == 0
    code, out, _ = gfd("match", file, "--simulate=dgx-h100,dgx-h100", "--allocation=dra")
    assert code == 0
    assert f"not judged: earlier pods: Pod p ({file}:5) may take what the pod needs on the node\n" in out


def test_pods_of_one_template_are_counted_together(gfd: Gfd, tmp_path: Path) -> None:
    pods = [pod(f"p{number}", by_template("four")) for number in range(5)]
    file = write_pods(tmp_path, template("four", exactly(4)), *pods)
    code, _, err = gfd("match", file, "--simulate=dgx-h100,dgx-h100", "--allocation=dra")
    assert (code, err) == (1, f"gfd: Pod p4 ({file}:11) fits no node\n")


def test_pods_that_share_a_claim_run_on_one_node(gfd: Gfd, tmp_path: Path) -> None:
    shared = deployment("d", 3, by_claim("all")), pod("p", by_claim("all"))
    file = write_pods(tmp_path, claim("all", exactly(8)), *shared)
    code, out, _ = gfd("match", file, *DRA)
    assert code == 0
    assert f"Deployment d ({file}:3): 3 of 3 replicas fit, on 1 of 1 node\n" in out
    code, out, _ = gfd("match", file, "--simulate=dgx-h100,dgx-h100", "--allocation=dra")
    assert code == 3
    assert f"the nodes of Deployment d ({file}:3) decide, by" in out


def test_an_allocated_claim_binds_the_pod_to_its_node(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, pod("p", by_claim("mine")))
    mine = claim("mine", exactly(1), **held("b", "gpu-2", pod="other"))
    code, out, _ = gfd("match", file, "--nodes", write_cluster(tmp_path, mine, nodes=("a", "b")))
    assert code == 0
    assert row(out, 2).startswith("b yes")
    assert row(out, 3).startswith("a no devices for the claim gpu no device of the claim, which holds")


def test_a_claim_that_no_pod_uses_is_given_up(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, pod("p", by_claim("mine"), nodeSelector={"zone": "x"}))
    mine = claim("mine", exactly(1), **held("b", "gpu-2"))
    cluster = Path(write_cluster(tmp_path, mine, nodes=("a", "b")))
    cluster.write_text(
        cluster.read_text().replace('"name": "a", "labels": {}', '"name": "a", "labels": {"zone": "x"}')
    )
    code, out, _ = gfd("match", file, "--nodes", str(cluster))
    assert code == 3
    assert "not judged: resourceClaims: no pod uses the devices of gpu, so the scheduler frees them\n" in out


def test_a_pod_that_runs_already_keeps_its_devices(gfd: Gfd, tmp_path: Path) -> None:
    running = pod("p", by_template("four"), nodeName="a")
    running["metadata"] |= {"uid": "1", "namespace": "default"}
    file = write_pods(tmp_path, template("four", exactly(4)), running)
    own = claim("p-gpu-x", exactly(4), **held("a", "gpu-0", "gpu-1", "gpu-2", "gpu-3", pod="p"))
    code, out, _ = gfd("match", file, "--nodes", write_cluster(tmp_path, own))
    assert code == 0
    assert "claim gpu: 4 gpu.nvidia.com  4 of 4 devices free" in out


def test_a_node_name_passes_by_the_scheduler(gfd: Gfd, tmp_path: Path) -> None:
    named = pod("p", by_template("one"), nodeName="dgx-h100")
    code, out, _ = gfd("match", write_pods(tmp_path, template("one", exactly()), named), *DRA)
    assert code == 1
    assert "nodeName passes by the scheduler, which allocates devices; use a nodeSelector instead" in out


@pytest.mark.parametrize("count", [1, 9])
def test_first_available(gfd: Gfd, tmp_path: Path, count: int) -> None:
    alternatives = [
        {"name": "large", "deviceClassName": "gpu.nvidia.com", "count": 16},
        {"name": "small", "deviceClassName": "gpu.nvidia.com", "count": count},
    ]
    choice = {"name": "gpu", "firstAvailable": alternatives}
    file = write_pods(tmp_path, template("any", choice), pod("p", by_template("any")))
    code, out, _ = gfd("match", file, *DRA)
    assert code == (0 if count == 1 else 1)
    assert "claim gpu, request gpu/large: 16 gpu.nvidia.com" in out


def test_without_the_extra(gfd: Gfd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_pods(tmp_path, template("two", exactly(2, H100)), deployment("d", 3, by_template("two")))

    def fail(_: str) -> None:
        raise CelMissing

    monkeypatch.setattr(state, "compile_expression", fail)
    monkeypatch.setattr(reader, "compile_expression", fail)
    code, out, err = gfd("match", file, *DRA)
    assert (code, err) == (
        3,
        f"gfd: Deployment d ({file}:3) may fit; what could not be judged is in the output\n",
    )
    assert (
        "not judged: resourceClaims: CEL expressions cannot be judged: the package cel-expr-python is not"
        " installed; pip install 'gfd[dra]'\n"
    ) in out


def test_an_attribute_that_a_device_lacks_fails_the_allocation(gfd: Gfd, tmp_path: Path) -> None:
    memory = "device.capacity['gpu.nvidia.com'].memory"
    wish = f"{memory}.compareTo(quantity('40Gi')) >= 0"
    machines = ("--simulate=dgx-h100,dgx-spark", "--allocation=dra")
    file = write_pods(tmp_path, template("t", exactly(1, f"// 40 GiB\n{wish}")), pod("p", by_template("t")))
    code, out, _ = gfd("match", file, *machines)
    assert code == 1
    assert "dgx-spark has a device on which a selector fails: then the pod waits\n" in out
    assert out.splitlines()[-1] == (
        f"devices of dgx-spark: {file}:1: {wish} fails on gpu-0: the device has no capacity {memory}; write"
        f" has({memory}) && …; one such device fails the whole allocation, on all nodes"
    )
    guarded = template("t", exactly(1, f"has({memory}) && {wish}"))
    assert gfd("match", write_pods(tmp_path, guarded, pod("p", by_template("t"))), *machines)[0] == 0


def test_a_gang_that_is_not_complete(gfd: Gfd, tmp_path: Path) -> None:
    """Whether its first pods hold devices meanwhile depends on its scheduler."""
    pods = {"containers": [{"name": "c", "image": "i"}], "resourceClaims": [by_template("five")]}
    gang = {
        "apiVersion": "batch.volcano.sh/v1alpha1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"minAvailable": 2, "tasks": [{"name": "w", "replicas": 2, "template": {"spec": pods}}]},
    }
    templates = template("five", exactly(5)), template("eight", exactly(8))
    file = write_pods(tmp_path, *templates, gang, pod("p", by_template("eight")))
    code, out, err = gfd("match", file, *DRA)
    assert (code, err) == (1, "gfd: 0 to 1 of 2 pods of Job j fit, and none starts before all do\n")
    assert f"Pod p ({file}:7): may fit 1 of 1 node\n" in out


def test_a_daemon_set(gfd: Gfd, tmp_path: Path) -> None:
    agent = deployment("d", 1, by_template("one"))
    agent |= {"kind": "DaemonSet", "spec": {k: v for k, v in agent["spec"].items() if k != "replicas"}}
    file = write_pods(tmp_path, template("one", exactly(1, H100)), agent)
    machines = "--simulate=dgx-h100,dgx-h100,dgx-a100"
    code, out, err = gfd("match", file, machines, "--allocation=dra")
    assert (code, err) == (1, f"gfd: DaemonSet d ({file}:3): 2 of 3 pods fit\n")
    assert "1 pod finds no node: 1 node lacks devices for claim gpu: 1 gpu.nvidia.com" in out
