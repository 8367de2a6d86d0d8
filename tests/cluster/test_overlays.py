"""The overlays, components and examples on a real API server, and the chart beside them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import yaml

from tests.cluster.controlplane import ControlPlane
from tests.cluster.manifests import (
    MANIFESTS,
    OVERLAYS,
    SINKS,
    STRATEGIES,
    check_accepted,
    comparable,
    find_one,
    find_pod_security_level,
    kustomize,
    render,
)
from tests.cluster.objects import Object

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay(cluster: ControlPlane, overlay: str) -> None:
    objects = kustomize(MANIFESTS / "overlays" / overlay)
    check_accepted(cluster, objects)
    (workload,) = [each for each in objects if each["kind"] in {"DaemonSet", "Job"}]
    stated = (MANIFESTS / "overlays" / overlay / "kustomization.yaml").read_text()
    assert f"Pod Security Admission: {find_pod_security_level(cluster, workload)}." in stated
    container = workload["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert container["readOnlyRootFilesystem"] is True
    assert container["capabilities"]["drop"] == ["ALL"]
    assert container["capabilities"].get("add", []) == (
        ["SYS_ADMIN"] if overlay.endswith(("single", "mixed")) else []
    )
    has_token = workload["spec"]["template"]["spec"]["automountServiceAccountToken"]
    assert has_token is not overlay.startswith("file")


@pytest.mark.parametrize("component", ["all-nodes", "runtime-class", "pod-monitor", "service-monitor"])
def test_component(cluster: ControlPlane, tmp_path: Path, component: str) -> None:
    for each in ("base", "components"):
        (tmp_path / each).symlink_to(MANIFESTS / each)
    folder = MANIFESTS / "overlays" / "node"
    before = find_one(kustomize(folder), "DaemonSet")["spec"]["template"]["spec"]
    objects = with_component(tmp_path, component)
    check_accepted(cluster, objects)
    after = find_one(objects, "DaemonSet")["spec"]["template"]["spec"]
    if component == "all-nodes":
        assert after == {name: value for name, value in before.items() if name != "affinity"}
    elif component == "runtime-class":
        assert after == before | {"runtimeClassName": "nvidia"}
    else:
        kind, endpoints = {
            "pod-monitor": ("PodMonitor", "podMetricsEndpoints"),
            "service-monitor": ("ServiceMonitor", "endpoints"),
        }[component]
        node = {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}
        assert find_one(objects, kind)["spec"][endpoints] == [{"port": "metrics", "relabelings": [node]}]
        assert after == before
        if component == "service-monitor":
            chart = render(sink="node", metrics={"serviceMonitor": {"enabled": True}})
            for each in ("Service", "ServiceMonitor"):
                assert find_one(objects, each)["spec"] == find_one(chart, each)["spec"]


def with_component(folder: Path, *components: str, overlay: str = "node") -> list[Object]:
    import shutil

    copy = folder / "copy"
    shutil.copytree(MANIFESTS, copy, ignore=shutil.ignore_patterns("helm", "systemd"))
    file = copy / "overlays" / overlay / "kustomization.yaml"
    file.write_text(file.read_text() + "".join(f"- ../../components/{each}\n" for each in components))
    return kustomize(file.parent)


@pytest.mark.parametrize(("sink", "strategy"), list(itertools.product(SINKS, STRATEGIES)))
def test_chart_and_overlay_are_equal(cluster: ControlPlane, sink: str, strategy: str) -> None:
    overlay = sink if strategy == "none" else f"{sink}-{strategy}"
    by_kustomize = comparable(kustomize(MANIFESTS / "overlays" / overlay))
    del by_kustomize["Namespace", "gfd"]
    by_helm = comparable(render(sink=sink, migStrategy=strategy))
    assert by_helm == by_kustomize
    check_accepted(cluster, render(sink=sink, migStrategy=strategy))


@pytest.mark.parametrize("sink", ["nodefeature", "node"])
def test_overlays_without_policy(cluster: ControlPlane, sink: str) -> None:
    by_kustomize = comparable(kustomize(MANIFESTS / "overlays" / f"{sink}-without-policy"))
    del by_kustomize["Namespace", "gfd"]
    assert comparable(render(sink=sink, policy={"enabled": False})) == by_kustomize
    assert not [kind for kind, _ in by_kustomize if "Policy" in kind]


@pytest.mark.parametrize("has_policy", [True, False])
@pytest.mark.parametrize("sink", ["file", "nodefeature"])
def test_node_condition_by_chart_and_component(
    cluster: ControlPlane, tmp_path: Path, sink: str, has_policy: bool
) -> None:
    components = ("node-condition", *(() if has_policy else ("without-policy",)))
    objects = with_component(tmp_path, *components, overlay=sink)
    check_accepted(cluster, objects)
    by_kustomize = comparable(objects)
    del by_kustomize["Namespace", "gfd"]
    by_helm = comparable(render(sink=sink, nodeCondition=True, policy={"enabled": has_policy}))
    assert by_helm == by_kustomize
    template = by_helm["DaemonSet", "gfd"]["spec"]["template"]["spec"]
    assert template["automountServiceAccountToken"] is True
    policies = {name for kind, name in by_helm if kind == "ValidatingAdmissionPolicy"}
    expected = {"gfd-node-condition", "gfd-node-event"}
    assert policies - {"gfd-nodefeature"} == (expected if has_policy else set())


@pytest.mark.parametrize("sink", SINKS)
def test_allocation_by_chart_and_component(cluster: ControlPlane, tmp_path: Path, sink: str) -> None:
    objects = with_component(tmp_path, "allocation-auto", overlay=f"{sink}-mixed")
    check_accepted(cluster, objects)
    by_kustomize = comparable(objects)
    del by_kustomize["Namespace", "gfd"]
    assert comparable(render(sink=sink, migStrategy="mixed", allocation="auto")) == by_kustomize
    template = by_kustomize["DaemonSet", "gfd"]["spec"]["template"]["spec"]
    assert template["automountServiceAccountToken"] is True


@pytest.mark.parametrize("example", ["vectoradd", "enough-memory"])
def test_example(cluster: ControlPlane, example: str) -> None:
    check_accepted(
        cluster, list(yaml.safe_load_all((MANIFESTS / "examples" / f"{example}.yaml").read_text()))
    )


def test_repaired_workflow() -> None:
    workflow = yaml.safe_load((MANIFESTS / "examples" / "argo-vector-add.yaml").read_text())
    first, numbers, last = workflow["spec"]["templates"]
    assert [[step["name"] for step in group] for group in first["steps"]] == [["generate"], ["argo-mig"]]
    assert first["steps"][1][0]["withParam"] == "{{steps.generate.outputs.result}}"
    assert (
        numbers["script"]["source"]
        == "import json\nimport sys\njson.dump([i for i in range(0, 2)], sys.stdout)\n"
    )
    assert last["container"]["resources"] == {"limits": {"nvidia.com/gpu": 1}}
    assert last["nodeSelector"] == {"nvidia.com/gpu.product": "A100-PCIE-40GB-MIG-3g.20gb"}


def test_sidecar_of_nfd_worker(cluster: ControlPlane) -> None:
    container = {"name": "nfd-worker", "image": "nfd"}
    template = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "w"}}, "template": template}
    worker = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "nfd-worker"}, "spec": spec}
    cluster.kubectl("apply", "-n", "gfd", "-f", "-", stdin=json.dumps(worker))
    patch = str(MANIFESTS / "examples" / "nfd-worker-sidecar.yaml")
    try:
        said = cluster.kubectl(
            *("-n", "gfd", "patch", "daemonset", "nfd-worker", "--patch-file", patch, "-o", "yaml")
        )
    finally:
        cluster.kubectl("-n", "gfd", "delete", "daemonset", "nfd-worker")
    patched = yaml.safe_load(said)
    containers = {each["name"]: each for each in patched["spec"]["template"]["spec"]["containers"]}
    assert set(containers) == {"nfd-worker", "gfd"}
    assert containers["nfd-worker"]["volumeMounts"] == containers["gfd"]["volumeMounts"]
    assert find_pod_security_level(cluster, patched) == "baseline"
