"""gfd match from the command line: output, messages and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gfd.clusterview.nodes import Node
from gfd.tools.match.fixes.mismatch_steps import StepSearch
from gfd.tools.match.fixes.steps import Step
from gfd.tools.match.judge.mismatches import Mismatch
from tests.tools.match.command import (
    MAY_FIT,
    POD,
    PRINTED,
    PRODUCT,
    ROOT,
    SLICE,
    UNKNOWN,
    WORKFLOW,
    Gfd,
    listed,
    node,
    placed,
)

pytestmark = pytest.mark.whole

SINGLE = ("--simulate=mig-doc", "--mig=all-1g.5gb", "--mig-strategy=single")


def test_the_document_fits(gfd: Gfd) -> None:
    assert gfd("match", POD, *SINGLE) == (
        0,
        """\
Pod cuda-vectoradd (manifests/examples/vectoradd.yaml:2): fits 1 of 1 node
node     product                    memory    fits  pod asks for      node has
mig-doc  A100-PCIE-40GB-MIG-1g.5gb  4864 MiB  yes   1 nvidia.com/gpu  7 of 7 free (MIG 1g.5gb)
""",
        "",
    )
    assert gfd("match", WORKFLOW, "--simulate=mig-doc", "--mig=all-3g.20gb", "--mig-strategy=single") == (
        0,
        """\
Workflow argo-mig-example-*, template gen-mig-device-list (manifests/examples/argo-vector-add.yaml:21): \
fits 1 of 1 node
node     product                     memory     fits  pod asks for  node has
mig-doc  A100-PCIE-40GB-MIG-3g.20gb  19968 MiB  yes

Workflow argo-mig-example-*, template argo-mig (manifests/examples/argo-vector-add.yaml:29): fits 1 of 1 node
node     product                     memory     fits  pod asks for      node has
mig-doc  A100-PCIE-40GB-MIG-3g.20gb  19968 MiB  yes   1 nvidia.com/gpu  2 of 2 free (MIG 3g.20gb)
""",
        "",
    )


def test_a_file_that_lost_its_indentation(gfd: Gfd) -> None:
    for name in ("vectoradd.yaml", "argo-vector-add.yaml"):
        assert gfd("match", str(PRINTED / name), *SINGLE) == (
            1,
            "",
            (
                f"gfd: {PRINTED / name}:9: is not valid YAML: mapping values are not allowed in this context;"
                " metadata: in line 3: nothing is indented below it; the file has probably lost its"
                " indentation\n"
            ),
        )


def test_nothing_fits(gfd: Gfd, nodes: str) -> None:
    assert gfd("match", POD, "--nodes", nodes) == (
        1,
        f"""\
Pod cuda-vectoradd ({POD}:2): fits none of 5 nodes
node   product                           \
fits  pod asks for                                                   node has
gpu-1  NVIDIA-A100-PCIE-40GB-MIG-1g.5gb  \
no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb               NVIDIA-A100-PCIE-40GB-MIG-1g.5gb
gpu-2  NVIDIA-A100-PCIE-40GB-MIG-1g.5gb  \
no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb               NVIDIA-A100-PCIE-40GB-MIG-1g.5gb
t4     Tesla-T4                          \
no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb               Tesla-T4
gpu-3  NVIDIA-A100-PCIE-40GB-MIG-1g.5gb  \
no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb (and 1 more)  NVIDIA-A100-PCIE-40GB-MIG-1g.5gb
cpu                                      \
no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb (and 1 more)  no such label
nearest: no node has nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb; there is \
NVIDIA-A100-PCIE-40GB-MIG-1g.5gb (3 nodes, 5 GB slices), Tesla-T4 (1 node, 16 GB)
edit: {POD}:15: nvidia.com/gpu.product: A100-PCIE-40GB-MIG-1g.5gb → NVIDIA-A100-PCIE-40GB-MIG-1g.5gb, \
because newer drivers put NVIDIA in the name
then it may fit 2 nodes: gpu-1, gpu-2
""",
        f"gfd: Pod cuda-vectoradd ({POD}:2) fits no node\n",
    )


def test_the_edit_makes_it_fit(gfd: Gfd, nodes: str, tmp_path: Path) -> None:
    edited = tmp_path / "pod.yaml"
    edited.write_text((ROOT / POD).read_text().replace(f": {SLICE}", f": NVIDIA-{SLICE}"))
    code, out, _ = gfd("match", str(edited), "--nodes", nodes)
    assert code == 3
    assert out.splitlines()[0].endswith(": may fit 2 of 5 nodes")


def test_json(gfd: Gfd, nodes: str) -> None:
    code, out, err = gfd("match", POD, "--nodes", nodes, "-o", "json")
    assert (code, err) == (1, f"gfd: Pod cuda-vectoradd ({POD}:2) fits no node\n")
    product = {"kind": "nodeSelector", "term": f"{PRODUCT}={SLICE}"}
    verdict = {"fits": False, "verdict": "no", "unjudged": [], "preempts": []}
    verdict |= {"score": 0, "avoided": [], "room": 0}
    taint = {"kind": "taint", "term": "no toleration of the taint", "there": "nvidia.com/gpu=true:NoSchedule"}
    lacking = {"kind": "resource", "term": "1 nvidia.com/gpu", "there": "none"}
    newer = product | {"there": f"NVIDIA-{SLICE}"}
    assert json.loads(out) == {
        "pods": [
            {
                "kind": "Pod",
                "namespace": "",
                "name": "cuda-vectoradd",
                "part": "",
                "file": POD,
                "line": 2,
                "requests": {"nvidia.com/gpu": 1},
                "fits": 0,
                "verdict": "no",
                "unjudged": [],
                "copies": 1,
                "placed": 0,
                "placed_at_most": 0,
                "gang": None,
                "nodes": [
                    {"name": "gpu-1", **verdict, "failed": [newer]},
                    {"name": "gpu-2", **verdict, "failed": [newer]},
                    {"name": "t4", **verdict, "failed": [product | {"there": "Tesla-T4"}]},
                    {"name": "gpu-3", **verdict, "failed": [newer, taint]},
                    {"name": "cpu", **verdict, "failed": [product | {"there": None}, lacking]},
                ],
                "nearest": [
                    {
                        "asked": f"{PRODUCT}={SLICE}",
                        "label": PRODUCT,
                        "values": {f"NVIDIA-{SLICE}": 3, "Tesla-T4": 1},
                        "value_label": PRODUCT,
                        "labels": {},
                        "meaning": "",
                    }
                ],
                "remedies": [
                    {
                        "edits": [
                            {
                                "line": 15,
                                "old": f"{PRODUCT}: {SLICE}",
                                "new": f"{PRODUCT}: NVIDIA-{SLICE}",
                                "why": "newer drivers put NVIDIA in the name",
                                "consequence": "",
                            }
                        ],
                        "awaited": [],
                        "repairs": [],
                        "nodes": ["gpu-1", "gpu-2"],
                        "certain": False,
                    }
                ],
                "notes": [],
            }
        ],
        "fits": False,
        "verdict": "no",
    }
    assert (
        json.loads(gfd("match", POD, POD.replace("vectoradd", "enough-memory"), *SINGLE, "-o=json")[1])[
            "fits"
        ]
        is False
    )
    assert json.loads(gfd("match", POD, *SINGLE, "-o=json")[1])["fits"] is True


def test_devices_that_other_pods_have(gfd: Gfd, pod: Callable[..., str], tmp_path: Path) -> None:
    nodes = listed(tmp_path / "n.json", node("a", "T4", 4), node("b", "T4", 2))
    pods = listed(
        tmp_path / "p.json", placed("x", "a", 3), placed("y", "b", 1), placed("z", "b", 1, "Succeeded")
    )
    file = pod("  containers: [{name: c, image: i, resources: {limits: {nvidia.com/gpu: 2, cpu: 1}}}]\n")
    code, out, err = gfd("match", file, "--nodes", nodes)
    assert (code, err) == (3, f"gfd: Pod p ({file}:1) {MAY_FIT}")
    assert out == (
        f"Pod p ({file}:1): may fit 2 of 2 nodes\n"
        "node  product  fits   pod asks for             node has\n"
        "a     T4       maybe  2 nvidia.com/gpu, 1 cpu  "
        "nvidia.com/gpu 4 of 4 free, cpu 8 of 8 free\n"
        "b     T4       maybe  2 nvidia.com/gpu, 1 cpu  "
        "nvidia.com/gpu 2 of 2 free, cpu 8 of 8 free\n" + UNKNOWN
    )
    assert gfd("match", file, "--nodes", nodes, "--pods", pods)[:2] == (
        1,
        (
            f"Pod p ({file}:1): fits none of 2 nodes\n"
            "node  product  fits  pod asks for      node has\n"
            "a     T4       no    2 nvidia.com/gpu  1 of 4 free\n"
            "b     T4       no    2 nvidia.com/gpu  1 of 2 free\n"
            "wait until one of 2 nodes has 2 nvidia.com/gpu free: a, b\n"
            f"edit: {file}:5: nvidia.com/gpu: 2 → 1, because the node has only 1 nvidia.com/gpu free\n"
            "then it fits 2 nodes: a, b\n"
        ),
    )


def test_preferences_sort_the_nodes(gfd: Gfd, pod: Callable[..., str], tmp_path: Path) -> None:
    soft = [{"key": "a", "effect": "PreferNoSchedule"}]
    nodes = listed(
        tmp_path / "n.json",
        node("a", "T4"),
        node("b", "L40S", taints=soft),
        node("c", "L40S"),
        node("d", "L40S", unschedulable=True),
    )
    asked = "{key: nvidia.com/gpu.product, operator: In, values: [L40S]}"
    term = f"{{weight: 20, preference: {{matchExpressions: [{asked}]}}}}"
    file = pod(
        f"  affinity: {{nodeAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{term}]}}}}\n"
    )
    code, out, _ = gfd("match", file, "--nodes", nodes)
    assert code == 0
    assert out == (
        f"Pod p ({file}:1): fits 3 of 4 nodes\n"
        "node  product  fits  score  pod asks for                node has\n"
        "c     L40S     yes   20\n"
        "b     L40S     yes   20                                 taint a:PreferNoSchedule\n"
        "a     T4       yes   0\n"
        "d     L40S     no           no toleration of the taint  "
        "node.kubernetes.io/unschedulable:NoSchedule\n"
    )


def test_other_results(gfd: Gfd, pod: Callable[..., str], tmp_path: Path) -> None:
    taints = [{"key": "nvidia.com/gpu", "effect": "NoExecute"}]
    empty = node("a", "T4", taints=taints)
    empty["metadata"]["labels"]["zone"] = ""
    nodes = listed(tmp_path / "n.json", empty)
    file = pod(
        "  nodeSelector: {zone: b}\n  affinity: {nodeAffinity:"
        " {requiredDuringSchedulingIgnoredDuringExecution:"
        " {nodeSelectorTerms: [{matchExpressions: [{key: nvidia.com/gpu.product, operator: NotIn, values:"
        " [T4]}]}]}}}\n"
    )
    assert gfd("match", file, "--nodes", nodes)[1] == (
        f"Pod p ({file}:1): fits none of 1 node\n"
        "node  product  fits  pod asks for         node has\n"
        "a     T4       no    zone=b (and 2 more)  (empty)\n"
        "nearest: no node has zone=b; there is (empty) (1 node)\n"
        "nearest: no node has nvidia.com/gpu.product!=T4; there is T4 (1 node, 16 GB)\n"
        "nearest: a does not fit for 3 reasons: zone=b (the node has (empty)); nvidia.com/gpu.product!=T4"
        " (the node has T4); no toleration of the taint (the node has nvidia.com/gpu:NoExecute)\n"
    )
    only = pod("  nodeSelector: {gpu: x}\n", "q")
    assert gfd("match", only, "--nodes", listed(tmp_path / "m.json", node("a", "T4", taints=taints)))[1] == (
        f"Pod q ({only}:1): fits none of 1 node\n"
        "node  product  fits  pod asks for        node has\n"
        "a     T4       no    gpu=x (and 1 more)  no such label\n"
        "nearest: no node has a label gpu\n"
        f"edit: {only}:6: remove gpu: x\n"
        f"edit: {only}:1: add to tolerations: {{key: nvidia.com/gpu, operator: Exists, effect: NoExecute}}\n"
        "then it fits 1 node: a\n"
    )
    misspelt = pod("  nodeSelector: {nvidia.com/gpu.prodct: T4}\n", "r")
    assert gfd("match", misspelt, "--nodes", listed(tmp_path / "m.json", node("a", "T4")))[1] == (
        f"Pod r ({misspelt}:1): fits none of 1 node\n"
        "node  product  fits  pod asks for              node has\n"
        "a     T4       no    nvidia.com/gpu.prodct=T4  no such label\n"
        "nearest: no node has a label nvidia.com/gpu.prodct; there is nvidia.com/gpu.product (1 node)\n"
        f"edit: {misspelt}:6: nvidia.com/gpu.prodct: T4 → nvidia.com/gpu.product: T4\n"
        "then it fits 1 node: a\n"
        "note: the pod selects nodes by nvidia.com/gpu.prodct but requests no nvidia.com/* resource, so it"
        " would see no GPU; add resources: {limits: {nvidia.com/gpu: 1}}\n"
    )


def test_no_such_devices(gfd: Gfd, tmp_path: Path) -> None:
    nodes = listed(tmp_path / "n.json", *(node(f"n{number:02}", gpus=0) for number in range(2)))
    assert gfd("match", POD, "--nodes", nodes)[1].splitlines()[3:] == [
        "n01   no    nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb (and 1 more)  no such label",
        "nearest: no node has a label nvidia.com/gpu.product; gfd nodes shows which nodes have gfd's labels",
        "nearest: no node offers nvidia.com/gpu; does NVIDIA's device plugin run?",
    ]
    others = [node(f"n{number:02}", SLICE, 0) for number in range(12)]
    for each in others:
        each["status"]["allocatable"]["nvidia.com/mig-1g.5gb"] = "7"
    nodes = listed(tmp_path / "n.json", *others)
    assert gfd("match", POD, "--nodes", nodes)[1].splitlines()[-4:] == [
        "n11   A100-PCIE-40GB-MIG-1g.5gb  no    1 nvidia.com/gpu  none, but 7 nvidia.com/mig-1g.5gb",
        "nearest: no node offers nvidia.com/gpu; there is nvidia.com/mig-1g.5gb (12 nodes, 5 GB slices)",
        (
            f"edit: {POD}:13: nvidia.com/gpu: 1 → nvidia.com/mig-1g.5gb: 1, because MIG devices have"
            " resources of their own under the strategy mixed"
        ),
        "then it may fit 12 nodes: n00, n01, n02, n03, n04, n05, n06, n07, n08, n09, …",
    ]


def test_several_reasons_without_a_fix(gfd: Gfd, tmp_path: Path) -> None:
    small = node("small")
    small["status"]["allocatable"] |= {"memory": "1Gi", "ephemeral-storage": "1Gi", "pods": "110"}
    limits = "{cpu: 97, memory: 2Ti, ephemeral-storage: 600Gi, hugepages-2Mi: 2Mi, rdma/hca: 1}"
    file = tmp_path / "pod.yaml"
    file.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: big}\n"
        f"spec: {{containers: [{{name: a, image: b, resources: {{limits: {limits}}}}}]}}\n"
    )
    code, out, _ = gfd("match", str(file), "--nodes", listed(tmp_path / "n.json", small))
    assert code == 1
    assert out.splitlines()[-2:] == [
        "nearest: no node offers rdma/hca",
        (
            "nearest: small does not fit for 5 reasons: 97 cpu (the node has 8 of 8 free); 2Ti memory"
            " (the node has 1Gi of 1Gi free); 600Gi ephemeral-storage (the node has 1Gi of 1Gi free);"
            " 2Mi hugepages-2Mi (the node has none); 1 rdma/hca (the node has none)"
        ),
    ]


def test_several_pods(gfd: Gfd, nodes: str, pod: Callable[..., str]) -> None:
    files = [pod("  nodeSelector: {a: b}\n", f"p{number}") for number in range(7)]
    code, out, err = gfd("match", *files, POD, "--nodes", nodes)
    assert (code, out.count("fits none of 5 nodes")) == (1, 8)
    named = ", ".join(f"Pod p{number} ({file}:1)" for number, file in enumerate(files[:5]))
    assert err == f"gfd: {named} and 3 more fit no node\n"
    fine = pod("", "fine")
    assert gfd("match", fine, files[0], "--nodes", nodes)[2] == f"gfd: Pod p0 ({files[0]}:1) fits no node\n"


def test_an_empty_cluster(gfd: Gfd, tmp_path: Path) -> None:
    nodes = listed(tmp_path / "n.json")
    text = f"Pod cuda-vectoradd ({POD}:2): fits none of 0 nodes\n"
    assert gfd("match", POD, "--nodes", nodes) == (
        1,
        text,
        "gfd: there are no nodes, so no pod fits\n",
    )
    assert json.loads(gfd("match", POD, "--nodes", nodes, "-o=json")[1])["fits"] is False


def test_equal_nodes_are_searched_once(
    gfd: Gfd, tmp_path: Path, pod: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []
    resolve = StepSearch._resolve

    def count(self: StepSearch, mismatch: Mismatch, node: Node) -> tuple[tuple[Step, ...], ...]:
        searched.append(node.name)
        return resolve(self, mismatch, node)

    monkeypatch.setattr(StepSearch, "_resolve", count)
    products = (f"NVIDIA-{SLICE}", "Tesla-T4", "NVIDIA-H100-80GB-HBM3")
    nodes = listed(
        tmp_path / "n.json", *(node(f"n{number:03}", products[number % 3]) for number in range(300))
    )
    code, out, _ = gfd("match", pod(f"  nodeSelector: {{{PRODUCT}: {SLICE}}}\n"), "--nodes", nodes)
    assert (code, out.count("then it fits 100 nodes")) == (1, 1)
    assert len(searched) == len(products)
