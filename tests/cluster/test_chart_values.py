"""The values of the chart on a real API server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster import programs
from tests.cluster.controlplane import ControlPlane
from tests.cluster.manifests import (
    CHART,
    MANIFESTS,
    SINKS,
    check_accepted,
    environment,
    find_one,
    find_pod_security_level,
    helm,
    render,
)
from tests.cluster.objects import Object

pytestmark = pytest.mark.cluster

CONFIGS = {"default": "version: v1\n", "single": "version: v1\nflags: {migStrategy: single}\n"}


def test_kubernetes_before_1_30() -> None:
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
    # policy.enabled=false alone would be the next error.
    account, step = "policy.serviceAccount=system:serviceaccount:a:b", "; leave policy.serviceAccount out"
    for value, more in (("gfd.enabled=false", "\n"), ("sink=node", ", and set policy.enabled=false\n")):
        done = helm("--kube-version=1.29.9", f"--set={value},{account}")
        assert (done.returncode, step + more in done.stderr) == (1, True), done.stderr


def test_values_of_gfd(cluster: ControlPlane) -> None:
    objects = render(
        podLabels={"team": "gpu"},
        serviceAccount={"create": False, "name": "own", "annotations": {"a": "b"}},
        extraVolumes=[{"name": "v", "emptyDir": {}}],
        extraVolumeMounts=[{"name": "v", "mountPath": "/v"}],
        logLevel="debug",
        extraLabels=["identity", "counts"],
        staleAfter="1h",
        nodeCondition=True,
        viewRole=True,
        resourceQuota={"pods": 100},
        metrics={"podMonitor": True, "prometheusRule": True, "labels": {"release": "prometheus"}},
    )
    check_accepted(cluster, objects)
    assert "ServiceAccount" not in {each["kind"] for each in objects}
    template = find_one(objects, "DaemonSet")["spec"]["template"]
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
        "GFD_NODE_CONDITION": "true",
    }.items()  # fmt: skip
    assert find_one(objects, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "own", "namespace": "gfd"}
    ]
    quota = find_one(objects, "ResourceQuota")["spec"]
    assert quota == {
        "hard": {"pods": 100},
        "scopeSelector": {
            "matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
            ]
        },
    }
    for kind in ("PodMonitor", "PrometheusRule"):
        assert find_one(objects, kind)["metadata"]["labels"]["release"] == "prometheus"
    shipped = yaml.safe_load((MANIFESTS / "prometheus" / "rules.yaml").read_text())
    assert find_one(objects, "PrometheusRule")["spec"] == shipped
    named = find_one(render(serviceAccount={"name": "own", "annotations": {"a": "b"}}), "ServiceAccount")
    assert (named["metadata"]["name"], named["metadata"]["annotations"]) == ("own", {"a": "b"})


def test_what_prometheus_and_grafana_read(cluster: ControlPlane) -> None:
    objects = render(
        metrics={
            "port": 9100,
            "serviceMonitor": {"enabled": True, "interval": "30s"},
            "labels": {"release": "prometheus"},
            "dashboard": {"enabled": True, "annotations": {"grafana_folder": "GPUs"}},
        }
    )
    check_accepted(cluster, objects)
    service, monitor = find_one(objects, "Service"), find_one(objects, "ServiceMonitor")
    pod = find_one(objects, "DaemonSet")["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    (port,) = service["spec"]["ports"]
    assert port["targetPort"] in {each["name"] for each in pod["spec"]["containers"][0]["ports"]}
    assert (service["spec"]["clusterIP"], port["port"]) == ("None", 9100)
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["interval"]) == (port["name"], "30s")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    dashboard = find_one(objects, "ConfigMap")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboard["metadata"]["annotations"] == {"grafana_folder": "GPUs"}
    assert dashboard["data"] == {"gfd.json": (MANIFESTS / "prometheus" / "dashboard.json").read_text()}


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_gpus_for_virtual_machines_need_no_rights_on_the_host(cluster: ControlPlane, sink: str) -> None:
    objects = render(deviceDiscoveryStrategy="vfio", migStrategy="mixed", sink=sink)
    check_accepted(cluster, objects)
    assert environment(objects)["DEVICE_DISCOVERY_STRATEGY"] == "vfio"
    daemon_set = find_one(objects, "DaemonSet")
    assert find_pod_security_level(cluster, daemon_set) == "restricted"
    assert "volumes" not in daemon_set["spec"]["template"]["spec"]


def test_a_jetson_needs_no_rights_on_the_host(cluster: ControlPlane) -> None:
    objects = render(deviceDiscoveryStrategy="tegra", migStrategy="mixed", unifiedMemory=True)
    check_accepted(cluster, objects)
    found = environment(objects)
    assert found["DEVICE_DISCOVERY_STRATEGY"] == "tegra"
    assert found["GFD_UNIFIED_MEMORY"] == "true"
    assert found["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    daemon_set = find_one(objects, "DaemonSet")
    assert find_pod_security_level(cluster, daemon_set) == "restricted"
    spec = daemon_set["spec"]["template"]["spec"]
    assert spec["securityContext"] == {
        "seccompProfile": {"type": "RuntimeDefault"},
        "supplementalGroups": [44],
    }
    assert "GFD_UNIFIED_MEMORY" not in environment(render())


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_only_auto_reads_resource_slices(cluster: ControlPlane, sink: str) -> None:
    def find_groups(objects: list[Object]) -> set[str]:
        roles = [each for each in objects if each["kind"] == "ClusterRole"]
        return {group for role in roles for rule in role["rules"] for group in rule["apiGroups"]}

    for allocation in ("device-plugin", "dra", "auto"):
        objects = render(allocation=allocation, sink=sink)
        check_accepted(cluster, objects)
        found = environment(objects)
        assert found.get("GFD_ALLOCATION", "device-plugin") == allocation
        assert ("MIG_STRATEGY" in found) == (allocation == "device-plugin")
        assert ("resource.k8s.io" in find_groups(objects)) == (allocation == "auto")


def test_values_of_the_original(cluster: ControlPlane) -> None:
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
    objects = render(**own, **plugin)
    check_accepted(cluster, objects)
    daemon_set = find_one(objects, "DaemonSet")
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
    top = environment(render(sleepInterval="10s", noTimestamp=False))
    assert (top["GFD_SLEEP_INTERVAL"], top["GFD_NO_TIMESTAMP"]) == ("10s", "false")
    assert render(gfd={"enabled": False}) == []
    assert (
        "serviceAccountName"
        in find_one(render(gfd={"securityContext": {"privileged": True}}), "DaemonSet")["spec"]["template"][
            "spec"
        ]
    )


@pytest.mark.parametrize("sink", SINKS)
def test_several_configurations(cluster: ControlPlane, sink: str) -> None:
    objects = render(sink=sink, config={"map": CONFIGS, "default": "default"})
    check_accepted(cluster, objects)
    assert find_one(objects, "ConfigMap")["data"] == CONFIGS
    found = environment(objects)
    assert "MIG_STRATEGY" not in found
    assert found["NVIDIA_MIG_MONITOR_DEVICES"] == "all"
    assert found["GFD_CONFIG_DIR"] == "/available-configs"
    assert found["GFD_DEFAULT_CONFIG"] == "default"
    assert found["GFD_FALLBACK_STRATEGIES"] == "named,single"
    assert "GFD_STRICT_CONFIG" not in found
    assert environment(render(sink=sink, strictConfig=True))["GFD_STRICT_CONFIG"] == "true"
    verbs = find_one(objects, "ClusterRole")["rules"][0]["verbs"]
    assert verbs == ["get", "list", "watch", *(["patch", "publish-as-gfd"] if sink == "node" else [])]
    assert find_one(objects, "DaemonSet")["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    foreign = render(sink=sink, config={"name": "theirs"})
    assert "ConfigMap" not in {each["kind"] for each in foreign}
    volumes = find_one(foreign, "DaemonSet")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "configs", "configMap": {"name": "theirs"}} in volumes


def policy_of_nodes(objects: list[Object]) -> Object:
    return find_one(
        [each for each in objects if each["metadata"]["name"] == "gfd-node"], "ValidatingAdmissionPolicy"
    )


def test_flags_and_policy_agree(cluster: ControlPlane) -> None:
    plain = policy_of_nodes(render(sink="node"))
    objects = render(
        sink="node",
        asAnnotations=r"nvidia\.com/gfd\..*",
        labelPrefixAllow=["example.com/"],
        templateKeys=["nvidia.com/mine"],
        templates={"mine.j2": "nvidia.com/mine=1\n"},
    )
    check_accepted(cluster, objects)
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
    without = render(sink="node", policy={"enabled": False})
    assert "ValidatingAdmissionPolicy" not in {each["kind"] for each in without}


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
        ('policy.serviceAccount="a:b"', "at '/policy/serviceAccount': 'a:b' does not match pattern"),
        (
            'policy={"serviceAccount":"system:serviceaccount:a:b","enabled":false}',
            "policy.serviceAccount: there is no policy with policy.enabled=false; leave one of the two",
        ),
        ("policy.enable=false", "at '/policy': additional properties 'enable' not allowed"),
        ("metrics.podmonitor=true", "at '/metrics': additional properties 'podmonitor' not allowed"),
        (
            'metrics={"podMonitor":true,"serviceMonitor":{"enabled":true}}',
            "metrics.serviceMonitor.enabled: together with metrics.podMonitor, Prometheus would read each",
        ),
        ("metrics.serviceMonitor=true", "at '/metrics/serviceMonitor': got boolean, want object"),
        ('metrics.serviceMonitor.interval="1 m"', "at '/metrics/serviceMonitor/interval': '1 m' does not"),
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
        (
            "nfd.enabled=true",
            "nfd.enabled: this chart does not contain NFD; install the chart in the folder gfd-with-nfd",
        ),
        ("nfd.enabled=null", "nfd.enabled: this chart does not contain NFD"),
        ('nfd.worker="x"', "at '/nfd/worker': got string, want object"),
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


def test_notes(released: ControlPlane) -> None:
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
