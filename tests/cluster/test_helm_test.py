"""``helm test``, and the command that its pod runs: ``gfd doctor --daemonset``.

No kubelet runs here: the test takes command and account from the pod that Helm created, runs the command with
a token of that account, and reports its exit code as the phase of the pod.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gfd.config.loader import load
from gfd.tools.doctor.checks.daemonset import make_checks, parse_daemonset
from gfd.tools.doctor.context import Context
from gfd.tools.doctor.runner import run_checks, to_text
from tests.cluster import agents, programs
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.manifests import CHART, MANIFESTS
from tests.cluster.objects import NODES, Object, delete
from tests.tools import make

pytestmark = pytest.mark.cluster

DAEMON_SET = "/apis/apps/v1/namespaces/gfd/daemonsets/gfd"
PODS = "/api/v1/namespaces/gfd/pods"
COMMON: tuple[str, ...] = ("--namespace=gfd",)


@pytest.fixture
def released(cluster: ControlPlane) -> Iterator[ControlPlane]:
    for kind in ("daemonset", "serviceaccount", "role", "rolebinding"):
        cluster.kubectl("-n", "gfd", "delete", kind, "gfd", "--ignore-not-found")
    helm(cluster, "install", "gfd", str(CHART), "--set=policy.enabled=false")
    yield cluster
    helm(cluster, "uninstall", "gfd")
    # Helm does not remove what a failed test left.
    for kind in ("pod", "role", "rolebinding", "serviceaccount", "clusterrole", "clusterrolebinding"):
        cluster.kubectl("-n", "gfd", "delete", kind, "gfd-test", "--ignore-not-found")
    for name in ("n1", "n2"):
        delete(cluster.admin, f"{NODES}/{name}")
        delete(cluster.admin, f"{PODS}/gfd-{name}")


def helm(cluster: ControlPlane, *words: str) -> None:
    command = (str(programs.find("helm")), *words, f"--kubeconfig={cluster.kubeconfig}", *COMMON)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def report(cluster: ControlPlane, path: str, status: Object) -> None:
    """Write a status as the DaemonSet controller or a kubelet does."""
    kind = "application/merge-patch+json"
    cluster.admin.request("PATCH", f"{path}/status", {"status": status}, content_type=kind)


def roll_out(cluster: ControlPlane, *, desired: int, ready: int, updated: int | None = None) -> None:
    generation = cluster.admin.request("GET", DAEMON_SET)["metadata"]["generation"]
    counts = {
        "currentNumberScheduled": desired,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": desired,
        "numberReady": ready,
        "updatedNumberScheduled": desired if updated is None else updated,
        "observedGeneration": generation,
    }
    report(cluster, DAEMON_SET, counts)


def add_pod(cluster: ControlPlane, node: str, state: Object, *, is_ready: bool = False) -> None:
    labels = {"app.kubernetes.io/name": "gfd", "app.kubernetes.io/instance": "gfd"}
    spec = {"nodeName": node, "containers": [{"name": "gfd", "image": "gfd"}]}
    name = f"gfd-{node}"
    cluster.admin.request("POST", PODS, {"metadata": {"name": name, "labels": labels}, "spec": spec})
    container = {
        "name": "gfd",
        "image": "gfd",
        "imageID": "",
        "ready": is_ready,
        "restartCount": 0,
        "state": state,
    }
    phase = "Running" if "running" in state else "Pending"
    report(cluster, f"{PODS}/{name}", {"phase": phase, "containerStatuses": [container]})


def add_node(cluster: ControlPlane, name: str, labels: dict[str, str]) -> None:
    body = make.node(name, labels, {"gpu": 8})
    cluster.admin.request("POST", NODES, body)


def doctor(cluster: ControlPlane, *, kubeconfig: str = "", name: str = "gfd/gfd") -> list[str]:
    """Return the printed lines without alignment."""
    values = {"kubeconfig": kubeconfig or str(cluster.kubeconfig), "kube_api_qps": "1000"}
    context = Context(load(values, {}).config)
    text = to_text(list(run_checks(context, make_checks(*parse_daemonset(name)))))
    return [" ".join(line.split()) for line in text.splitlines()]


def test_an_installation_from_nothing_to_all_well(released: ControlPlane) -> None:
    assert doctor(released) == [
        "FAIL agents the last change of the DaemonSet is not in its status yet",
        "-> wait: kubectl -n gfd rollout status daemonset/gfd",
        "FAIL GPU labels no node has gfd's labels",
        "-> see what the agents found: kubectl -n gfd logs daemonset/gfd",
        "2 failed",
    ]
    roll_out(released, desired=0, ready=0)
    assert doctor(released)[:2] == [
        "FAIL agents the DaemonSet chooses no node",
        "-> compare its nodeSelector and affinity with kubectl get nodes --show-labels",
    ]
    add_node(released, "n1", make.gpu_labels())
    add_node(released, "n2", {})
    roll_out(released, desired=2, ready=1)
    assert doctor(released)[:2] == [
        "FAIL agents 1 of 2 ready; the others have no pod",
        "-> see its events: kubectl -n gfd describe daemonset gfd",
    ]
    add_pod(released, "n1", {"running": {}}, is_ready=True)
    add_pod(released, "n2", {"waiting": {"reason": "ImagePullBackOff"}})
    assert doctor(released) == [
        "FAIL agents 1 of 2 ready; n2: ImagePullBackOff",
        "-> kubectl -n gfd describe pod gfd-n2",
        "FAIL GPU labels n2: no labels, but 8 gpu offered",
        "-> see what the agents found: kubectl -n gfd logs daemonset/gfd",
        "2 failed",
    ]
    delete(released.admin, f"{PODS}/gfd-n2")
    add_pod(released, "n2", {"running": {}})
    assert doctor(released)[:2] == [
        "FAIL agents 1 of 2 ready; n2: runs, but is not ready",
        "-> kubectl -n gfd exec gfd-n2 -- gfd doctor",
    ]
    delete(released.admin, f"{NODES}/n2")
    roll_out(released, desired=1, ready=1, updated=0)
    assert doctor(released) == [
        "warn agents 1 of 1 ready, 1 with an old configuration",
        "-> wait: kubectl -n gfd rollout status daemonset/gfd",
        "ok GPU labels 1 node with labels, 8 GPUs",
        "1 ok, 1 warning",
    ]


def test_devices_of_the_dra_driver_contradict_no_labels(released: ControlPlane) -> None:
    labels = make.gpu_labels()
    released.admin.request("POST", NODES, make.node("n1", labels))
    roll_out(released, desired=1, ready=1)
    assert doctor(released)[1].startswith("warn GPU labels n1: ")
    done = subprocess.run(
        (sys.executable, "-m", "gfd", "template", "--simulate=dgx-a100", "-o=resourceslice"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    slices = done.stdout.replace("nodeName: dgx-a100", "nodeName: n1").replace("name: dgx-a100", "name: n1")
    released.kubectl("create", "-f", "-", stdin=slices)
    try:
        found = doctor(released)
    finally:
        released.kubectl("delete", "-f", "-", stdin=slices)
    assert found == ["ok agents 1 of 1 ready", "ok GPU labels 1 node with labels, 8 GPUs", "2 ok"]


def test_what_cannot_be_checked(released: ControlPlane) -> None:
    lines = doctor(released, name="gfd/other")
    assert lines[:2] == [
        "FAIL agents there is no DaemonSet gfd/other",
        "-> list those of gfd: kubectl get daemonsets -A -l app.kubernetes.io/name=gfd",
    ]
    released.kubectl("create", "serviceaccount", "nobody", "-n", "gfd")
    token = agents.token(released, None, account="nobody")
    powerless = released.write_kubeconfig("nobody", token=token)
    lines = doctor(released, kubeconfig=str(powerless))
    assert "this needs the verb get on daemonsets in namespace gfd" in lines[0]
    assert [line for line in lines if "this needs the verb list on nodes" in line]
    released.kubectl("delete", "serviceaccount", "nobody", "-n", "gfd")
    lines = doctor(released, kubeconfig="/gone")
    assert lines[0].startswith("FAIL agents the check failed: kubeconfig /gone: there is no such file")
    assert "skip GPU labels not checked without a cluster" in lines


def find_test_pod(cluster: ControlPlane) -> Object:
    found = cluster.kubectl("-n", "gfd", "get", "pod", "gfd-test", "-o", "json", is_checked=False)
    return dict(json.loads(found)) if found.startswith("{") else {}


def play_helm_test(cluster: ControlPlane) -> tuple[int, str, str]:
    """Run ``helm test``, and the command of its pod; return Helm's exit code and both outputs."""
    # Helm replaces the pod that a failed test left.
    before = find_test_pod(cluster).get("metadata", {}).get("uid")
    command = (
        *(str(programs.find("helm")), "test", "gfd", "--timeout=20s"),
        *(f"--kubeconfig={cluster.kubeconfig}", *COMMON),
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as helm_test:

        def find_new_pod() -> Object:
            pod = find_test_pod(cluster)
            return pod if pod and pod["metadata"]["uid"] != before else {}

        pod = wait_for(find_new_pod, "the pod of helm test")
        token = agents.token(cluster, "gfd-test", account=pod["spec"]["serviceAccountName"])
        kubeconfig = cluster.write_kubeconfig("helm-test", token=token)
        (container,) = pod["spec"]["containers"]
        assert container["command"] == ["gfd"]
        done = subprocess.run(
            (sys.executable, "-m", "gfd", *container["args"], f"--kubeconfig={kubeconfig}"),
            capture_output=True,
            text=True,
            check=False,
        )
        report(cluster, f"{PODS}/gfd-test", {"phase": "Failed" if done.returncode else "Succeeded"})
        said, _ = helm_test.communicate()
        return helm_test.returncode, said, done.stdout


def test_helm_test_fails_and_succeeds(released: ControlPlane) -> None:
    add_node(released, "n1", make.gpu_labels())
    roll_out(released, desired=1, ready=0)
    code, said, printed = play_helm_test(released)
    assert code == 1, said
    assert printed.startswith("FAIL  agents      0 of 1 ready; the others have no pod\n")
    roll_out(released, desired=1, ready=1)
    code, said, printed = play_helm_test(released)
    assert (code, printed) == (
        0,
        "ok    agents      1 of 1 ready\nok    GPU labels  1 node with labels, 8 GPUs\n2 ok\n",
    ), said
    # Its rights end with it.
    for kind in ("role", "rolebinding", "serviceaccount", "clusterrole", "clusterrolebinding", "pod"):
        assert not released.kubectl("-n", "gfd", "get", kind, "gfd-test", "--ignore-not-found")


def test_the_view_role_has_the_right() -> None:
    text = (MANIFESTS / "helm/gfd/templates/rbac.yaml").read_text().split("{{- if .Values.viewRole }}")[1]
    assert "- apiGroups: [apps]\n  resources: [daemonsets]\n  verbs: [get]\n" in text
