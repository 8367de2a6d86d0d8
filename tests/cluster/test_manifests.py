"""Overlays and chart, judged by a real API server, and one by the other."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import programs
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import NODES, delete, make_node, namespace

pytestmark = pytest.mark.cluster

MANIFESTS = Path(__file__).parents[2] / "manifests"
CHART = MANIFESTS / "helm" / "gfd"
SINKS = ("nodefeature", "node", "file")
STRATEGIES = ("none", "single", "mixed")
OVERLAYS = sorted(each.name for each in (MANIFESTS / "overlays").iterdir())
Object = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane) -> ControlPlane:
    ensure_node_feature(plane)
    namespace(plane.admin, "gfd")
    for level in ("restricted", "baseline"):
        labels = {"pod-security.kubernetes.io/enforce": level}
        delete(plane.admin, f"/api/v1/namespaces/{level}")
        plane.admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": level, "labels": labels}})
    return plane


def kustomize(folder: Path) -> list[Object]:
    done = subprocess.run(
        (programs.find("kubectl"), "kustomize", folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (programs.find("helm"), "template", "gfd", CHART, "--namespace=gfd", "--kube-version=1.37.0")
    return subprocess.run((*command, *arguments), capture_output=True, text=True, check=False)


def rendered(**values: Any) -> list[Object]:
    done = helm(
        *itertools.chain.from_iterable(("--set-json", f"{k}={json.dumps(v)}") for k, v in values.items())
    )
    assert done.returncode == 0, done.stderr
    documents = yaml.safe_load_all(done.stdout)
    return [
        each for each in documents if each and "helm.sh/hook" not in each["metadata"].get("annotations", {})
    ]


def one(objects: list[Object], kind: str) -> Object:
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def environment(objects: list[Object]) -> dict[str, str | None]:
    container = one(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each.get("value") for each in container["env"]}


def accepted(cluster: ControlPlane, objects: list[Object]) -> None:
    """Assert that the API server takes all of it, down to unknown fields."""
    known = [each for each in objects if each["kind"] not in {"PodMonitor", "PrometheusRule"}]
    text = yaml.safe_dump_all(known)
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)


def verdict(cluster: ControlPlane, workload: Object) -> str:
    """Return the strictest level of Pod Security that admits the pod of a workload."""
    template = workload["spec"]["template"]
    spec = {name: value for name, value in template["spec"].items() if name != "serviceAccountName"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    for level in ("restricted", "baseline"):
        said = cluster.kubectl(
            *("create", "--dry-run=server", "-n", level, "-f", "-"),
            stdin=yaml.safe_dump(pod),
            is_checked=False,
        )
        if "created" in said:
            return level
        assert f'violates PodSecurity "{level}:latest"' in said
    return "privileged"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay(cluster: ControlPlane, overlay: str) -> None:
    objects = kustomize(MANIFESTS / "overlays" / overlay)
    accepted(cluster, objects)
    (workload,) = [each for each in objects if each["kind"] in {"DaemonSet", "Job"}]
    stated = (MANIFESTS / "overlays" / overlay / "kustomization.yaml").read_text()
    assert f"Pod Security Admission: {verdict(cluster, workload)}." in stated
    container = workload["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert container["readOnlyRootFilesystem"] is True
    assert container["capabilities"]["drop"] == ["ALL"]
    assert container["capabilities"].get("add", []) == (
        ["SYS_ADMIN"] if overlay.endswith(("single", "mixed")) else []
    )
    has_token = workload["spec"]["template"]["spec"]["automountServiceAccountToken"]
    assert has_token is not overlay.startswith("file")


@pytest.mark.parametrize("component", ["all-nodes", "runtime-class", "pod-monitor"])
def test_a_component(cluster: ControlPlane, tmp_path: Path, component: str) -> None:
    for each in ("base", "components"):
        (tmp_path / each).symlink_to(MANIFESTS / each)
    folder = MANIFESTS / "overlays" / "node"
    before = one(kustomize(folder), "DaemonSet")["spec"]["template"]["spec"]
    objects = with_component(tmp_path, component)
    accepted(cluster, objects)
    after = one(objects, "DaemonSet")["spec"]["template"]["spec"]
    if component == "all-nodes":
        assert after == {name: value for name, value in before.items() if name != "affinity"}
    elif component == "runtime-class":
        assert after == before | {"runtimeClassName": "nvidia"}
    else:
        node = {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}
        (endpoint,) = one(objects, "PodMonitor")["spec"]["podMetricsEndpoints"]
        assert endpoint == {"port": "metrics", "relabelings": [node]}
        assert after == before


def with_component(folder: Path, component: str) -> list[Object]:
    import shutil

    copy = folder / "copy"
    shutil.copytree(MANIFESTS, copy, ignore=shutil.ignore_patterns("helm", "systemd"))
    overlay = copy / "overlays" / "node" / "kustomization.yaml"
    overlay.write_text(overlay.read_text() + f"- ../../components/{component}\n")
    return kustomize(overlay.parent)


@pytest.mark.parametrize(("sink", "strategy"), list(itertools.product(SINKS, STRATEGIES)))
def test_chart_and_overlay_say_the_same(cluster: ControlPlane, sink: str, strategy: str) -> None:
    overlay = sink if strategy == "none" else f"{sink}-{strategy}"
    by_kustomize = comparable(kustomize(MANIFESTS / "overlays" / overlay))
    del by_kustomize["Namespace", "gfd"]
    by_helm = comparable(rendered(sink=sink, migStrategy=strategy))
    assert by_helm == by_kustomize
    accepted(cluster, rendered(sink=sink, migStrategy=strategy))


def comparable(objects: list[Object]) -> dict[tuple[str, str], Object]:
    found = {}
    for each in objects:
        labels = each["metadata"].get("labels", {})
        for name in ("app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"):
            labels.pop(name, None)
        if each["kind"] == "DaemonSet":
            spec = each["spec"]["template"]["spec"]
            for items in (spec["containers"][0]["env"], spec.get("volumes", [])):
                items.sort(key=lambda item: item["name"])
            spec["containers"][0].get("volumeMounts", []).sort(key=lambda item: item["name"])
        found[each["kind"], each["metadata"]["name"]] = each
    return found


@pytest.mark.parametrize("sink", ["nodefeature", "node"])
def test_without_a_policy(cluster: ControlPlane, sink: str) -> None:
    by_kustomize = comparable(kustomize(MANIFESTS / "overlays" / f"{sink}-without-policy"))
    del by_kustomize["Namespace", "gfd"]
    assert comparable(rendered(sink=sink, policy={"enabled": False})) == by_kustomize
    assert not [kind for kind, _ in by_kustomize if "Policy" in kind]


def test_a_cluster_without_policies() -> None:
    """Only what renders a ValidatingAdmissionPolicy needs Kubernetes 1.30."""
    for values in (("sink=file",), ("policy.enabled=false",), ("policy.enabled=false", "sink=node")):
        done = helm("--kube-version=1.25.3", *(f"--set={each}" for each in values))
        assert done.returncode == 0, done.stderr
        assert "ValidatingAdmissionPolicy" not in done.stdout
    for value in ("sink=nodefeature", "sink=node"):
        done = helm("--kube-version=1.29.9", f"--set={value}")
        assert done.returncode == 1
        assert (
            "policy.enabled: a ValidatingAdmissionPolicy needs Kubernetes 1.30 or newer, and this is v1.29.9"
            "; set policy.enabled=false, or sink=file"
        ) in done.stderr
    assert helm("--kube-version=1.30.0-gke.100").returncode == 0


def test_values_beside_those_of_the_original(cluster: ControlPlane) -> None:
    objects = rendered(
        podLabels={"team": "gpu"},
        serviceAccount={"create": False, "name": "own", "annotations": {"a": "b"}},
        extraVolumes=[{"name": "v", "emptyDir": {}}],
        extraVolumeMounts=[{"name": "v", "mountPath": "/v"}],
        logLevel="debug",
        extraLabels=["identity", "counts"],
        staleAfter="1h",
        viewRole=True,
        resourceQuota={"pods": 100},
        metrics={"podMonitor": True, "prometheusRule": True, "labels": {"release": "prometheus"}},
    )
    accepted(cluster, objects)
    assert "ServiceAccount" not in {each["kind"] for each in objects}
    template = one(objects, "DaemonSet")["spec"]["template"]
    assert template["metadata"]["labels"] == {
        "app.kubernetes.io/name": "gfd",
        "app.kubernetes.io/instance": "gfd",
        "team": "gpu",
    }
    spec = template["spec"]
    assert spec["serviceAccountName"] == "own"
    assert spec["volumes"] == [{"name": "v", "emptyDir": {}}]
    (container,) = spec["containers"]
    assert container["volumeMounts"] == [{"name": "v", "mountPath": "/v"}]
    assert container["command"] == ["gfd"]
    assert environment(objects).items() >= {
        "GFD_LOG_LEVEL": "debug",
        "GFD_EXTRA_LABELS": "identity,counts",
        "GFD_STALE_AFTER": "1h",
    }.items()  # fmt: skip
    assert one(objects, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "own", "namespace": "gfd"}
    ]
    quota = one(objects, "ResourceQuota")["spec"]
    assert quota == {
        "hard": {"pods": 100},
        "scopeSelector": {
            "matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
            ]
        },
    }
    for kind in ("PodMonitor", "PrometheusRule"):
        assert one(objects, kind)["metadata"]["labels"]["release"] == "prometheus"
    shipped = yaml.safe_load((MANIFESTS / "prometheus" / "rules.yaml").read_text())
    assert one(objects, "PrometheusRule")["spec"] == shipped
    named = one(rendered(serviceAccount={"name": "own", "annotations": {"a": "b"}}), "ServiceAccount")
    assert (named["metadata"]["name"], named["metadata"]["annotations"]) == ("own", {"a": "b"})


def test_people_by_the_rights_of_the_view_role(cluster: ControlPlane, tmp_path: Path) -> None:
    role = one(rendered(sink="file", viewRole=True), "ClusterRole")
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
    text = yaml.safe_dump_all([role, binding, account])
    cluster.kubectl("apply", "-f", "-", stdin=text)
    try:
        token = cluster.kubectl("-n", "gfd", "create", "token", "viewer").strip()
        kubeconfig = cluster.write_kubeconfig("viewer", token=token)
        page = f"--html={tmp_path / 'page.html'}"
        for words in (
            ("nodes",),
            ("report", page),
            ("explain", "--node=viewed"),
        ):
            command = (sys.executable, "-m", "gfd", *words, f"--kubeconfig={kubeconfig}")
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), words
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=text)
        delete(cluster.admin, f"{NODES}/viewed")


CONFIGS = {"default": "version: v1\n", "single": "version: v1\nflags: {migStrategy: single}\n"}


def test_the_values_of_the_original(cluster: ControlPlane) -> None:
    own = {
        "failOnInitError": True,
        "deviceDiscoveryStrategy": "nvml",
        "nvidiaDriverRoot": "/run/nvidia/driver",
        "gfd": {"enabled": True, "sleepInterval": "30s", "noTimestamp": True, "enableHostNetwork": True},
        "image": {"repository": "example.com/gfd", "tag": "v1", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "secret"}],
        "resources": {"limits": {"memory": "1Gi"}},
        "nodeSelector": {"a": "b"},
        "affinity": None,
        "tolerations": [],
        "runtimeClassName": "nvidia",
        "priorityClassName": "",
        "updateStrategy": {"type": "OnDelete"},
        "podAnnotations": {"c": "d"},
        "podSecurityContext": {"fsGroup": 1},
        "namespaceOverride": "gfd",
        "nameOverride": "gpu-feature-discovery",
        "selectorLabelsOverride": {"app": "x"},
    }
    plugin = {
        "devicePlugin": {"enabled": False},
        "mps": {"root": "/x"},
        "cdi": {"nvidiaHookPath": None},
        "deviceListStrategy": "envvar",
        "deviceIDStrategy": "uuid",
        "compatWithCPUManager": True,
        "gdrcopyEnabled": True,
        "gdsEnabled": None,
        "mofedEnabled": None,
        "allowDefaultNamespace": False,
        "securityContext": {},
    }
    objects = rendered(**own, **plugin)
    accepted(cluster, objects)
    daemon_set = one(objects, "DaemonSet")
    assert daemon_set["metadata"]["name"] == "gfd-gpu-feature-discovery"
    assert daemon_set["spec"]["selector"] == {"matchLabels": {"app": "x"}}
    assert daemon_set["spec"]["updateStrategy"] == {"type": "OnDelete"}
    template = daemon_set["spec"]["template"]
    assert template["metadata"] == {"labels": {"app": "x"}, "annotations": {"c": "d"}}
    spec = template["spec"]
    assert (spec["nodeSelector"], spec["runtimeClassName"], spec["hostNetwork"]) == (
        {"a": "b"},
        "nvidia",
        True,
    )
    assert spec["securityContext"] == {"fsGroup": 1}
    assert not {"affinity", "tolerations", "priorityClassName"} & set(spec)
    (container,) = spec["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("example.com/gfd:v1", "Always")
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
    assert container["volumeMounts"] == [
        {"name": "driver-root", "mountPath": "/driver-root", "readOnly": True}
    ]
    assert environment(objects).items() >= {
        "FAIL_ON_INIT_ERROR": "true",
        "DEVICE_DISCOVERY_STRATEGY": "nvml",
        "GFD_SLEEP_INTERVAL": "30s",
        "GFD_NO_TIMESTAMP": "true",
    }.items()  # fmt: skip
    top = environment(rendered(sleepInterval="10s", noTimestamp=False))
    assert (top["GFD_SLEEP_INTERVAL"], top["GFD_NO_TIMESTAMP"]) == ("10s", "false")
    assert rendered(gfd={"enabled": False}) == []
    assert (
        "serviceAccountName"
        in one(rendered(gfd={"securityContext": {"privileged": True}}), "DaemonSet")["spec"]["template"][
            "spec"
        ]
    )


@pytest.mark.parametrize("sink", SINKS)
def test_several_configurations(cluster: ControlPlane, sink: str) -> None:
    objects = rendered(sink=sink, config={"map": CONFIGS, "default": "default"})
    accepted(cluster, objects)
    assert one(objects, "ConfigMap")["data"] == CONFIGS
    found = environment(objects)
    assert "MIG_STRATEGY" not in found
    assert found["NVIDIA_MIG_MONITOR_DEVICES"] == "all"
    assert found["GFD_CONFIG_DIR"] == "/available-configs"
    assert found["GFD_DEFAULT_CONFIG"] == "default"
    assert found["GFD_FALLBACK_STRATEGIES"] == "named,single"
    assert "GFD_STRICT_CONFIG" not in found
    assert environment(rendered(sink=sink, strictConfig=True))["GFD_STRICT_CONFIG"] == "true"
    verbs = one(objects, "ClusterRole")["rules"][0]["verbs"]
    assert verbs == ["get", "list", "watch", *(["patch", "publish-as-gfd"] if sink == "node" else [])]
    assert one(objects, "DaemonSet")["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    foreign = rendered(sink=sink, config={"name": "theirs"})
    assert "ConfigMap" not in {each["kind"] for each in foreign}
    volumes = one(foreign, "DaemonSet")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "configs", "configMap": {"name": "theirs"}} in volumes


def policy_of_nodes(objects: list[Object]) -> Object:
    return one(
        [each for each in objects if each["metadata"]["name"] == "gfd-node"], "ValidatingAdmissionPolicy"
    )


def test_flag_and_policy_come_from_one_value(cluster: ControlPlane) -> None:
    plain = policy_of_nodes(rendered(sink="node"))
    objects = rendered(
        sink="node",
        asAnnotations=r"nvidia\.com/gfd\..*",
        labelPrefixAllow=["example.com/"],
        templateKeys=["nvidia.com/mine"],
        templates={"mine.j2": "nvidia.com/mine=1\n"},
    )
    accepted(cluster, objects)
    found = environment(objects)
    assert found["GFD_AS_ANNOTATIONS"] == r"nvidia\.com/gfd\..*"
    assert found["GFD_LABEL_PREFIX_ALLOW"] == "example.com/"
    assert found["GFD_TEMPLATE_DIR"] == "/templates"
    before, after = (
        {each["name"]: each["expression"] for each in policy["spec"]["variables"]}
        for policy in (plain, policy_of_nodes(objects))
    )
    (own,) = re.findall(r"r'([^']*gfd[^']*)\)\$'", before["foreignLabels"])
    added = own + r"|example\.com/.*|nvidia\.com/mine"
    for name in ("foreignLabels", "foreignAnnotations"):
        before[name] = before[name].replace(own, added)
    assert "r'^$'" in before["foreignAnnotations"]
    published = r"r'^(?:nvidia\.com/gfd\..*)$'"
    before["foreignAnnotations"] = before["foreignAnnotations"].replace("r'^$'", published)
    assert before == after
    without = rendered(sink="node", policy={"enabled": False})
    assert "ValidatingAdmissionPolicy" not in {each["kind"] for each in without}


REPORT = {"enabled": True, "existingClaim": "pages"}


def test_the_report_may_list_nodes_and_pods_and_write_its_claim(cluster: ControlPlane) -> None:
    without, objects = rendered(), rendered(report=REPORT)
    added = [each for each in objects if each not in without]
    assert {(each["kind"], each["metadata"]["name"]) for each in added} == {
        (kind, "gfd-report") for kind in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "CronJob")
    }
    accepted(cluster, objects)
    assert one(added, "ClusterRole")["rules"] == [
        {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]}
    ]
    job = one(added, "CronJob")["spec"]
    assert (job["schedule"], job["concurrencyPolicy"]) == ("*/15 * * * *", "Forbid")
    assert verdict(cluster, job["jobTemplate"]) == "restricted"
    pod = job["jobTemplate"]["spec"]["template"]
    selected = one(objects, "DaemonSet")["spec"]["selector"]["matchLabels"]
    assert not selected.items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    assert container["args"] == ["report", "--html=/page/gpus.html", "--title=GPUs of this cluster"]
    assert container["volumeMounts"] == [{"name": "page", "mountPath": "/page"}]
    assert pod["spec"]["volumes"] == [{"name": "page", "persistentVolumeClaim": {"claimName": "pages"}}]


def test_the_report_by_the_rights_of_its_account(cluster: ControlPlane, tmp_path: Path) -> None:
    objects = [
        each
        for each in rendered(gfd={"enabled": False}, report=REPORT)
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


def test_values_of_the_report(cluster: ControlPlane) -> None:
    values = {
        "schedule": "@hourly",
        "fileName": "a b.html",
        "title": 'The "GPUs": {{ 1 }}',
        "resources": {"limits": {"memory": "1Gi"}},
    }
    image = {"repository": "example.com/gfd", "tag": "v1", "pullPolicy": "Always"}
    objects = rendered(
        report=REPORT | values, image=image, imagePullSecrets=[{"name": "secret"}], fullnameOverride="f" * 60
    )
    accepted(cluster, objects)
    job = one(objects, "CronJob")
    assert (job["metadata"]["name"], job["spec"]["schedule"]) == ("f" * 45 + "-report", "@hourly")
    spec = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert spec["imagePullSecrets"] == [{"name": "secret"}]
    (container,) = spec["containers"]
    assert container["args"] == ["report", "--html=/page/a b.html", '--title=The "GPUs": {{ 1 }}']
    assert (container["image"], container["imagePullPolicy"]) == ("example.com/gfd:v1", "Always")
    assert container["resources"] == {"limits": {"memory": "1Gi"}}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('migStrategy="singel"', "at '/migStrategy': value must be one of 'none', 'single', 'mixed'"),
        ('sink="nfd"', "at '/sink': value must be one of 'nodefeature', 'node', 'file'"),
        ('gfd.noTimestamp="yes"', "at '/gfd/noTimestamp': got string, want null or boolean"),
        ("tolerations={}", "at '/tolerations': got object, want array"),
        ("config.map.a=1", "at '/config/map/a': got number, want string or object"),
        ('config.map.a={"version":"v1"}', "config.map.a: a configuration is text; write a: | and indent"),
        (
            'config.map={"apiVersion":"v1","kind":"ConfigMap","data":{"a":"version: v1"}}',
            "config.map: this is a Kubernetes ConfigMap; give only its data",
        ),
        ('config.fallbackStrategies=["any"]', "at '/config/fallbackStrategies/0': value must be one of"),
        ('metrics.port="x"', "at '/metrics/port': got string, want integer"),
        ('labelPrefixAllow=["a\'b"]', "at '/labelPrefixAllow/0': "),
        (
            'labelPrefixAllow=["x.k8s.io"]',
            "at '/labelPrefixAllow/0': value must be 'a prefix that does not belong to Kubernetes'",
        ),
        (
            'templateKeys=["nvidia.com/gpu.deploy.x"]',
            "at '/templateKeys/0': value must be 'a key that belongs neither to Kubernetes nor to NVIDIA",
        ),
        ("report.enabled=true", "report.existingClaim: is empty; create a PersistentVolumeClaim"),
        ('report.fileName="a/b"', "at '/report/fileName': "),
        ("report.schedule=60", "at '/report/schedule': got number, want string"),
        ("sinks=[]", "at '': additional properties 'sinks' not allowed"),
        ("policy.enable=false", "at '/policy': additional properties 'enable' not allowed"),
        ("metrics.podmonitor=true", "at '/metrics': additional properties 'podmonitor' not allowed"),
        ('image.repo="x"', "at '/image': additional properties 'repo' not allowed"),
        ("gfd.sleepInterval=10", "at '/gfd/sleepInterval': got number, want null or string"),
        ('gfd.sleepInterval="10"', "at '/gfd/sleepInterval': '10' does not match pattern"),
        ('staleAfter="soon"', "at '/staleAfter': 'soon' does not match pattern"),
        ('asAnnotations="("', '<include "asAnnotations must be a regular expression" $>'),
        ('extraEnv=[{"name":"A","value":1}]', "at '/extraEnv/0/value': got number, want string"),
        ('nodeSelector={"a":true}', "at '/nodeSelector/a': got boolean, want string"),
        ('tolerations=[{"operator":"In"}]', "at '/tolerations/0/operator': value must be one of"),
        ('image.repository="nvcr.io/nvidia/k8s-device-plugin"', "is not an image of gfd; build gfd's image"),
        ('image.repository="mirror.example/k8s-device-plugin"', "is not an image of gfd; build gfd's image"),
        ("nfd.enabled=true", "install NFD's own chart first, and leave nfd.enabled false"),
    ],
)
def test_wrong_values(value: str, said: str) -> None:
    done = helm("--set-json", value)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.fixture
def released(cluster: ControlPlane) -> Iterator[ControlPlane]:
    yield cluster
    command = (programs.find("helm"), "uninstall", "gfd", "--namespace=gfd", "--ignore-not-found")
    subprocess.run((*command, f"--kubeconfig={cluster.kubeconfig}"), check=True, capture_output=True)


def test_the_notes_of_an_installation(released: ControlPlane) -> None:
    # Rights and policies of the components may stand there from other tests.
    for kind in ("role", "rolebinding", "clusterrole", "clusterrolebinding", "serviceaccount"):
        released.kubectl("-n", "gfd", "delete", kind, "gfd", "--ignore-not-found")
    for name in ("gfd-node", "gfd-nodefeature"):
        for kind in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
            released.kubectl("delete", kind, name, "--ignore-not-found")
    common = (f"--kubeconfig={released.kubeconfig}", "--namespace=gfd")
    install = (programs.find("helm"), "install", "gfd", CHART, *common)
    report = "report.enabled=true,report.existingClaim=pages"
    chosen = ("migStrategy=single", "sink=node", "policy.enabled=false", report)
    done = subprocess.run(
        (*install, *(f"--set={each}" for each in chosen)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (
        "kubectl get nodes -L nvidia.com/gpu.product,nvidia.com/gpu.count,nvidia.com/mig.strategy"
        in done.stdout
    )
    assert (
        "an attacker who takes over one agent can write the labels, taints and spec of every Node"
        in done.stdout
    )
    assert "kubectl -n gfd exec daemonset/gfd -- gfd doctor" in done.stdout
    assert "kubectl label namespace gfd pod-security.kubernetes.io/enforce=privileged" in done.stdout
    assert "No public registry has the image gfd:0.1.0. Build it, push it" in done.stdout
    assert "kubectl -n gfd create job --from=cronjob/gfd-report gfd-report-now" in done.stdout


@pytest.mark.parametrize("example", ["vectoradd", "enough-memory"])
def test_an_example(cluster: ControlPlane, example: str) -> None:
    accepted(cluster, list(yaml.safe_load_all((MANIFESTS / "examples" / f"{example}.yaml").read_text())))


def test_the_workflow_has_its_indentation_back() -> None:
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


def test_a_sidecar_of_nfd_worker(cluster: ControlPlane) -> None:
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
    assert verdict(cluster, patched) == "baseline"
