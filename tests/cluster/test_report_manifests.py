"""The report of the chart, and the rights of people, on a real API server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.controlplane import ControlPlane
from tests.cluster.manifests import (
    check_accepted,
    find_one,
    find_pod_security_level,
    render,
)
from tests.cluster.objects import NODES, delete, make_node
from tests.tools.match.claim_files import by_template, pod, template, write_pods

pytestmark = pytest.mark.cluster

REPORT = {"enabled": True, "existingClaim": "pages"}


def test_view_role(cluster: ControlPlane, tmp_path: Path) -> None:
    role = find_one(render(sink="file", viewRole=True), "ClusterRole")
    make_node(cluster.admin, "viewed", labels={"nvidia.com/gpu.product": "NVIDIA-H200"})
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "gfd-view"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "gfd-view"},
        "subjects": [{"kind": "ServiceAccount", "name": "viewer", "namespace": "gfd"}],
    }
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "viewer", "namespace": "gfd"},
    }
    wish = template("none")
    wish["metadata"]["namespace"] = "default"
    text = yaml.safe_dump_all([role, binding, account, wish])
    cluster.kubectl("apply", "-f", "-", stdin=text)
    try:
        token = cluster.kubectl("-n", "gfd", "create", "token", "viewer").strip()
        kubeconfig = cluster.write_kubeconfig("viewer", token=token)
        page = f"--html={tmp_path / 'page.html'}"
        claims = write_pods(tmp_path, pod("p", by_template("none"), tolerations=[{"operator": "Exists"}]))
        for words in (
            ("nodes",),
            ("report", page),
            ("explain", "--node=viewed"),
            ("match", claims),
        ):
            command = (sys.executable, "-m", "gfd", *words, f"--kubeconfig={kubeconfig}")
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), words
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=text)
        delete(cluster.admin, f"{NODES}/viewed")


def test_report_objects(cluster: ControlPlane) -> None:
    without, objects = render(), render(report=REPORT)
    added = [each for each in objects if each not in without]
    assert {(each["kind"], each["metadata"]["name"]) for each in added} == {
        (kind, "gfd-report") for kind in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "CronJob")
    }
    check_accepted(cluster, objects)
    assert find_one(added, "ClusterRole")["rules"] == [
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]},
        {
            "apiGroups": ["resource.k8s.io"],
            "resources": ["resourceslices", "resourceclaims"],
            "verbs": ["list"],
        },
    ]
    job = find_one(added, "CronJob")["spec"]
    assert (job["schedule"], job["concurrencyPolicy"]) == ("*/15 * * * *", "Forbid")
    assert find_pod_security_level(cluster, job["jobTemplate"]) == "restricted"
    pod = job["jobTemplate"]["spec"]["template"]
    selected = find_one(objects, "DaemonSet")["spec"]["selector"]["matchLabels"]
    assert not selected.items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    assert container["args"] == ["report", "--html=/page/gpus.html", "--title=GPUs of this cluster"]
    assert container["volumeMounts"] == [{"name": "page", "mountPath": "/page"}]
    assert pod["spec"]["volumes"] == [{"name": "page", "persistentVolumeClaim": {"claimName": "pages"}}]


def test_report_rights(cluster: ControlPlane, tmp_path: Path) -> None:
    objects = [
        each
        for each in render(gfd={"enabled": False}, report=REPORT)
        if each["kind"] in {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
    ]
    make_node(cluster.admin, "reported", labels={"nvidia.com/gpu.product": "NVIDIA-H200"})
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
    try:
        token = cluster.kubectl("-n", "gfd", "create", "token", "gfd-report").strip()
        kubeconfig = cluster.write_kubeconfig("report", token=token)
        command = (sys.executable, "-m", "gfd", "report", f"--html={tmp_path / 'page.html'}")
        done = subprocess.run((*command, f"--kubeconfig={kubeconfig}"), capture_output=True, check=False)
        account = "--as=system:serviceaccount:gfd:gfd-report"
        asked = (
            ("list", "pods"),
            ("watch", "nodes"),
            ("patch", "nodes"),
            ("list", "secrets"),
            ("get", "pods"),
        )
        said = [
            cluster.kubectl("auth", "can-i", *each, "-A", account, is_checked=False).split()[-1]
            for each in asked
        ]
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=yaml.safe_dump_all(objects))
        delete(cluster.admin, f"{NODES}/reported")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert '"name":"reported"' in (tmp_path / "page.html").read_text()
    assert said == ["yes", "no", "no", "no", "no"]


def test_report_values(cluster: ControlPlane) -> None:
    values = {
        "schedule": "@hourly",
        "fileName": "a b.html",
        "title": 'The "GPUs": {{ 1 }}',
        "resources": {"limits": {"memory": "1Gi"}},
    }
    image = {"repository": "example.com/gfd", "tag": "v1", "pullPolicy": "Always"}
    objects = render(
        report=REPORT | values, image=image, imagePullSecrets=[{"name": "secret"}], fullnameOverride="f" * 60
    )
    check_accepted(cluster, objects)
    job = find_one(objects, "CronJob")
    assert (job["metadata"]["name"], job["spec"]["schedule"]) == ("f" * 45 + "-report", "@hourly")
    spec = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert spec["imagePullSecrets"] == [{"name": "secret"}]
    (container,) = spec["containers"]
    assert container["args"] == ["report", "--html=/page/a b.html", '--title=The "GPUs": {{ 1 }}']
    assert (container["image"], container["imagePullPolicy"]) == ("example.com/gfd:v1", "Always")
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
