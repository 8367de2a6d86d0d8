"""What ``gfd match --to-dra`` prints, and what it says cannot be carried over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tools import goldens
from tests.tools.match.command import Gfd, listed

HEAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"
ONE = "  containers: [{name: c, image: i, resources: {limits: {nvidia.com/gpu: 1}}}]\n"
MIXED = """{nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
    {matchExpressions: [{key: nvidia.com/gpu.product, operator: In, values: [A30, A100-SHARED]}]},
    {matchExpressions: [{key: zone, operator: Exists}]}]}}}
"""

INIT = "  initContainers: [{name: i, resources: {limits: {nvidia.com/gpu: 2}}}]\n"
RUN_GFD = "run gfd with --allocation dra or auto on nodes with DRA"

LABELS = """\
# Comments are lost.
apiVersion: batch/v1
kind: Job
metadata:
  name: train
  namespace: team
spec:
  parallelism: 2
  template:
    metadata: {labels: {app: train}}
    spec:
      restartPolicy: Never
      runtimeClassName: nvidia
      tolerations: [{key: nvidia.com/gpu, operator: Exists}]
      nodeSelector:
        nvidia.com/gpu.present: "true"
        nvidia.com/gpu.clique: rack-1.0
        nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3-SHARED
        nvidia.com/gpu.sharing-strategy: time-slicing
        nvidia.com/mps.capable: "false"
        nvidia.com/gpu.replicas: "4"
        topology.kubernetes.io/zone: eu-1a
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: nvidia.com/gpu.replicas, labelSelector: {matchLabels: {app: train}}}
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 1
            preference: {matchExpressions: [{key: nvidia.com/gpu.memory, operator: Gt, values: ["80000"]}]}
          - weight: 2
            preference: {matchExpressions: [{key: nvidia.com/mig.strategy, operator: Exists}]}
      containers:
      - name: main
        image: registry.example/train:1
        command: ["sh", "-c", "echo 1e3\\nexec train --gpus=4 --a-long-option-which-goes-on-and-on=1"]
        env:
        - {name: "ON", value: "y"}
        - {name: NVIDIA_VISIBLE_DEVICES, value: all}
        resources: {limits: {nvidia.com/gpu: 4, cpu: 500m}, requests: {nvidia.com/gpu: 4}}
      - name: shared
        image: registry.example/serve:1
        resources: {limits: {nvidia.com/gpu.shared: 1}}
      - name: part
        image: registry.example/serve:1
        resources: {limits: {nvidia.com/mig-1c.3g.20gb: 1, nvidia.com/mig-1g.5gb.me: 1}}
"""
ALTERNATIVES = """\
apiVersion: v1
kind: Pod
metadata: {generateName: infer-}
spec:
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
        - matchExpressions:
          - {key: nvidia.com/gpu.product, operator: In, values: [NVIDIA-A100-SXM4-40GB, NVIDIA-New-GPU]}
          - {key: zone, operator: In, values: [a]}
        - matchExpressions:
          - {key: nvidia.com/gpu.product, operator: In, values: [NVIDIA-A100-SXM4-40GB-MIG-3g.20gb]}
          - {key: nvidia.com/gpu.memory, operator: Gt, values: ["9999"]}
          matchFields: [{key: metadata.name, operator: In, values: [gpu-1]}]
        - matchExpressions: [{key: nvidia.com/gpu.compute.major, operator: Gt, values: ["8"]}]
        - {}
  resourceClaims: [{name: gpu, resourceClaimName: network}]
  containers: [{name: c, image: i, resources: {limits: {nvidia.com/gpu: 1}, claims: [{name: gpu}]}}]
"""
OBJECTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: team}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team}
spec:
  selector: {matchLabels: {app: web}}
  template: &template
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i, resources: &resources {limits: {nvidia.com/gpu: 1}}}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: web, namespace: team}
spec:
  schedule: "0 1 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          initContainers: [{name: a, image: i, resources: &all {limits: {nvidia.com/gpu: 2}}}]
          containers: [{name: b, image: i, resources: *all}, {name: c, image: i, resources: *all}]
"""


@pytest.mark.parametrize(
    ("name", "text", "code", "words"),
    [
        ("labels", LABELS, 3, ["--simulate=dgx-h100"]),
        ("alternatives", ALTERNATIVES, 3, ["--simulate=dgx-h100"]),
        ("objects", OBJECTS, 0, []),
        ("json", LABELS, 3, ["--simulate=dgx-h100", "-o=json"]),
    ],
)
def test_what_is_printed(
    gfd: Gfd,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    name: str,
    text: str,
    code: int,
    words: list[str],
) -> None:
    (tmp_path / "pod.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    found, out, err = gfd("match", "--to-dra", "pod.yaml", *words)
    assert found == code
    goldens.check(request, f"to-dra-{name}", f"{out}[standard error]\n{err}")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_everything_else_of_an_object_stays(gfd: Gfd, tmp_path: Path, form: str) -> None:
    """What is read back from the output is what was in the file, but for the devices."""
    (tmp_path / "pod.yaml").write_text(LABELS)
    _, out, _ = gfd("match", "--to-dra", str(tmp_path / "pod.yaml"), f"-o={form}")
    after = yaml.safe_load(out)["items"][1] if form == "json" else list(yaml.safe_load_all(out))[1]
    before = yaml.safe_load(LABELS)
    specs = [each["spec"]["template"].pop("spec") for each in (before, after)]
    assert before == after
    assert list(specs[1]) == [*specs[0], "resourceClaims"]
    for spec in specs:
        spec.pop("resourceClaims", None)
        spec.pop("nodeSelector")
        for container in spec["containers"]:
            container.pop("resources")
    assert specs[0] == specs[1]


def run_pod(gfd: Gfd, tmp_path: Path, spec: str, *words: str) -> tuple[int | None, dict[str, Any], str]:
    """Return exit code, JSON and standard error for a pod with this PodSpec."""
    (tmp_path / "pod.yaml").write_text(HEAD + spec)
    code, out, err = gfd("match", "--to-dra", str(tmp_path / "pod.yaml"), "-o=json", *words)
    return code, json.loads(out) if out else {}, err.replace(str(tmp_path / "pod.yaml"), "FILE")


@pytest.mark.parametrize(
    ("spec", "lost"),
    [
        (
            ONE + "  nodeSelector: {nvidia.com/mig.strategy: mixed}\n",
            "FILE:6: nvidia.com/mig.strategy=mixed is left out",
        ),
        (ONE + "  nodeName: gpu-1\n", "FILE:6: nodeName: gpu-1 stays, but the pod would never start"),
        (
            ONE + "  nodeSelector: {nvidia.com/gpu.product: A30-MIG-1c.2g.12gb}\n",
            "FILE:6: nvidia.com/gpu.product=A30-MIG-1c.2g.12gb is met by no device: NVIDIA's DRA",
        ),
        (
            ONE + "  nodeSelector: {nvidia.com/gpu.product: A30-MIG-2g.12gb, nvidia.com/gpu.count: '2'}\n",
            "FILE:6: nvidia.com/gpu.count=2 is left out, since it counts MIG devices only with",
        ),
        (
            "  containers: [{name: c}]\n  nodeSelector: {nvidia.com/gpu.product: A30-MIG-2g.12gb}\n",
            "FILE:6: nvidia.com/gpu.product=A30-MIG-2g.12gb is left out, since nodes with DRA have only ",
        ),
        (
            f"{ONE}  affinity: {MIXED}",
            "FILE:7: nvidia.com/gpu.product in (A30,A100-SHARED) stays in nodeAffinity beside the claim,",
        ),
        (
            "  containers: [{name: c, resources: {limits: {nvidia.com/hostdev: 1}}}]\n",
            "FILE:5: nvidia.com/hostdev: 1 stays in the container: it is neither nvidia.com/gpu nor a",
        ),
    ],
)
def test_what_a_claim_cannot_say(gfd: Gfd, tmp_path: Path, spec: str, lost: str) -> None:
    code, found, err = run_pod(gfd, tmp_path, spec, "--simulate=a30")
    assert code == 3
    assert err.startswith(f"gfd: warning: {lost}")
    assert err.endswith("gfd: 1 part of Pod p (FILE:1) cannot be carried over; see the warnings\n")
    assert len(found["lost"]) == 1


@pytest.mark.parametrize(
    ("spec", "remark"),
    [
        (
            "  containers: [{name: c}]\n",
            "the pod requests neither nvidia.com/gpu nor nvidia.com/mig-<profile>",
        ),
        (
            "  containers: [{name: c}]\n  resourceClaims: [{name: a, resourceClaimName: b}]\n",
            "the pod has resourceClaims already, and requests no devices of the device plugin",
        ),
        (
            ONE + "  nodeSelector: {nvidia.com/gpu.count: '8'}\n",
            f"nvidia.com/gpu.count=8 stays, since it describes the node; {RUN_GFD}",
        ),
        (
            ONE + "  schedulerName: mine\n",
            "schedulerName: mine stays; make sure that this scheduler allocates ResourceClaims",
        ),
        (ONE + INIT, None),
        (
            ONE.replace("gpu: 1", "gpu: 3") + INIT,
            "init container i requests 2 nvidia.com/gpu and sees 3, those of a container after it",
        ),
        # Nodes with DRA have no such labels, so they meet this.
        (
            ONE + "  nodeSelector: {nvidia.com/gpu.sharing-strategy: none, nvidia.com/gpu.replicas: '1'}\n",
            None,
        ),
    ],
)
def test_what_stays(gfd: Gfd, tmp_path: Path, spec: str, remark: str | None) -> None:
    code, found, err = run_pod(gfd, tmp_path, spec)
    assert (code, err, found["lost"]) == (0, "", [])
    texts = [
        f"{each['subject']} {each['reason']}; {each['next_step']}".removesuffix("; ")
        for each in found["remarks"]
    ]
    own = [each for each in texts if "DRAExtendedResource" not in each]
    assert own == ([remark] if remark else [])


def test_a_taint_that_only_an_admission_plugin_tolerates(gfd: Gfd, tmp_path: Path) -> None:
    _, out, _ = gfd("template", "--simulate=a30", "--name=n", "-o=resourceslice")
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"taints": [taint]}}
    nodes = listed(tmp_path / "nodes.json", node, *yaml.safe_load_all(out))
    _, found, _ = run_pod(gfd, tmp_path, ONE, f"--nodes={nodes}")
    assert found["remarks"][1]["reason"].startswith(
        "may have brought a toleration of the taint nvidia.com/gpu"
    )
    tolerations = "  tolerations: [{key: nvidia.com/gpu, operator: Exists}]\n"
    _, found, _ = run_pod(gfd, tmp_path, ONE + tolerations, f"--nodes={nodes}")
    assert len(found["remarks"]) == 1


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (
            "  containers: [{name: c, resources: {limits: {nvidia.com/gpu: 33}}}]\n",
            "FILE:5: spec.containers: the containers ask for 33 devices, and a ResourceClaim holds at most",
        ),
        (
            "  containers: [{name: c, resources: {limits: {nvidia.com/gpu: 1.5}}}]\n",
            "FILE:5: spec.containers[0].resources.limits[nvidia.com/gpu]: ",
        ),
    ],
)
def test_a_pod_that_cannot_be_rewritten(gfd: Gfd, tmp_path: Path, spec: str, error: str) -> None:
    code, found, err = run_pod(gfd, tmp_path, spec)
    assert (code, found) == (1, {})
    assert err.startswith(f"gfd: {error}")


def test_an_object_without_a_pod_spec(gfd: Gfd) -> None:
    code, out, err = gfd("match", "--to-dra", "manifests/examples/argo-vector-add.yaml")
    assert (code, out) == (1, "")
    assert "this part of a Workflow is no PodSpec; write the claim by hand" in err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--to-dra", "--each"], "--each (command line): cannot be used with --to-dra"),
        (["--to-dra", "--all"], "--all (command line): cannot be used with --to-dra"),
        (["--to-dra", "--nodes=n", "--pods=p"], "--pods (command line): cannot be used with --to-dra"),
        (["-o=yaml"], "-o (command line): yaml is only for --to-dra; write -o table or -o json"),
    ],
)
def test_options_that_exclude_each_other(gfd: Gfd, words: list[str], error: str) -> None:
    code, out, err = gfd("match", "manifests/examples/vectoradd.yaml", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"gfd: {error}")


def test_without_a_cluster_gfd_knows_the_names_of_gpus(gfd: Gfd, tmp_path: Path) -> None:
    spec = ONE + "  nodeSelector: {nvidia.com/gpu.product: NVIDIA-A30}\n"
    code, found, err = run_pod(gfd, tmp_path, spec, f"--kubeconfig={tmp_path}/none")
    assert code == 0
    assert err.startswith(
        "gfd: warning: the names of GPUs come from gfd's own table, not from ResourceSlices: "
    )
    (request,) = found["items"][0]["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"]["selectors"][0]["cel"]["expression"].endswith("productName == 'NVIDIA A30'")


def test_a_job_of_the_cluster(gfd: Gfd, tmp_path: Path) -> None:
    """The fields that the API server and the Job controller set are left out."""
    ids = {"batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j", "app": "a"}
    container = {"name": "c", "image": "i", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    metadata = {
        "name": "j",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 1,
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": ids,
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": "v"}],
    }
    template = {
        "metadata": {"creationTimestamp": None, "labels": ids},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"selector": selector, "template": template},
        "status": {"active": 1},
    }
    file = listed(tmp_path / "jobs.json", job)
    code, out, err = gfd("match", "--to-dra", file, "-o=json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    after = found["items"][1]
    assert after["metadata"] == {"name": "j", "labels": {"app": "a"}}
    assert list(after["spec"]) == ["template"]
    assert after["spec"]["template"]["metadata"] == {"creationTimestamp": None, "labels": {"app": "a"}}
    assert "status" not in after
    steps = [each["next_step"] for each in found["remarks"]]
    assert "first run kubectl delete job j" in steps
    assert "rewrite the object that made them, such as the Deployment, instead" in steps


def require(terms: list[str]) -> str:
    """Return the field of a PodSpec that requires one of these terms."""
    required = f"requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{', '.join(terms)}]}}"
    return f"  affinity: {{nodeAffinity: {{{required}}}}}\n"


def test_labels_of_several_kinds_of_devices(gfd: Gfd, tmp_path: Path) -> None:
    """A label that one kind of device tells is no reason to warn that another one does not."""
    both = "  containers: [{name: c, resources: {limits: {nvidia.com/gpu: 1, nvidia.com/mig-1g.6gb: 1}}}]\n"
    spec = both + "  nodeSelector: {nvidia.com/mig.strategy: mixed, nvidia.com/gpu.memory: '24576'}\n"
    code, found, err = run_pod(gfd, tmp_path, spec)
    assert (code, err, found["lost"]) == (0, "", [])
    gpu, mig = found["items"][0]["spec"]["spec"]["devices"]["requests"]
    assert len(gpu["exactly"]["selectors"]) == len(mig["exactly"]["selectors"]) == 1
    assert "nodeSelector" not in found["items"][1]["spec"]


def test_a_label_that_only_mig_devices_have(gfd: Gfd, tmp_path: Path) -> None:
    terms = [
        f"{{matchExpressions: [{{key: nvidia.com/gpu.product, operator: In, values: [{product}]}}]}}"
        for product in ("NVIDIA-A30", "NVIDIA-A30-MIG-2g.12gb")
    ]
    selector = "  nodeSelector: {nvidia.com/gpu.multiprocessors: '28'}\n"
    code, found, _ = run_pod(gfd, tmp_path, ONE + selector + require(terms), "--simulate=a30")
    assert code == 3
    (lost,) = found["lost"]
    assert lost["subject"] == "nvidia.com/gpu.multiprocessors=28"
    assert lost["reason"].startswith("is in the claim for MIG devices only")


def test_too_many_alternatives_for_one_claim(gfd: Gfd, tmp_path: Path) -> None:
    terms = [
        f"{{matchExpressions: [{{key: nvidia.com/gpu.memory, operator: In, values: ['{number}']}}]}}"
        for number in range(60)
    ]
    code, found, err = run_pod(gfd, tmp_path, ONE + require(terms))
    assert (code, found) == (1, {})
    assert err.startswith(
        "gfd: FILE:4: spec: nodeSelector and nodeAffinity ask for more than a ResourceClaim"
    )
