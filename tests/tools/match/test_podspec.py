"""What is read from a PodSpec, and the notes about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.errors import DocumentError
from tests.tools.match.reading import GPU, SPEC, read


def make_pod(spec: str) -> str:
    lines = "".join(f"  {line}\n" for line in spec.splitlines())
    return f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n{lines}"


def test_unjudged_fields(file: Path) -> None:
    spec = SPEC.replace("gpu: 2", "gpu: 2, memory: 1Gi, cpu: 1") + (
        "affinity: {podAntiAffinity: {}}\nruntimeClassName: nvidia\nschedulingGates: [{name: kueue}]\n"
        "schedulerName: default-scheduler\nresourceClaims: []\n"
    )
    (pod,) = read(file, make_pod(spec))
    names = ("podAntiAffinity", "schedulingGates", "runtimeClassName")
    assert pod.spec.unjudged == tuple(f"{name}: not compared with nodes" for name in names)
    assert pod.spec.requests == {GPU: 2, "memory": 1 << 30, "cpu": 1000}


VOLUMES = ("volumes: not compared with nodes",)


@pytest.mark.parametrize(
    ("more", "unjudged"),
    [
        (
            "volumes: [{name: a, persistentVolumeClaim: {claimName: b}}]",
            VOLUMES,
        ),
        ("volumes: [{name: a, ephemeral: {}}, 5]", VOLUMES),
        ("volumes: [{name: a, emptyDir: {}}]", ()),
        ("volumes: null", ()),
    ],
)
def test_unjudged_volumes(file: Path, more: str, unjudged: tuple[str, ...]) -> None:
    (pod,) = read(file, make_pod(f"{SPEC}{more}\n"))
    assert pod.spec.unjudged == unjudged


def test_unjudged_host_ports(file: Path) -> None:
    spec = "containers: [{name: c, ports: [{containerPort: 80}, {hostPort: 81}]}, {name: d}]\n"
    (pod,) = read(file, make_pod(spec))
    assert pod.spec.unjudged == ("hostPort: not compared with nodes",)
    (pod,) = read(file, make_pod(spec.replace("hostPort: 81", "")))
    assert pod.spec.unjudged == ()
    spec = spec.replace("[{containerPort: 80}", "{a: [{containerPort: 80}").replace("81}]", "81}]}")
    with pytest.raises(
        DocumentError, match=r"spec\.containers\[0\]\.ports: expected a list, found a mapping"
    ):
        read(file, make_pod(spec))


def test_a_pod_that_would_see_no_gpu(file: Path) -> None:
    note = (
        "the pod selects nodes by nvidia.com/gpu.product but requests no nvidia.com/* resource, so it would"
        " see no GPU; add resources: {limits: {nvidia.com/gpu: 1}}"
    )
    selects = "containers: [{name: c, image: i}]\nnodeSelector: {nvidia.com/gpu.product: T4}\n"
    assert read(file, make_pod(selects))[0].notes == (note,)
    has_claims = f"{selects}resourceClaims: [{{name: gpu}}]\n"
    assert read(file, make_pod(has_claims))[0].notes == ()
    shuns = (
        "containers: [{name: c, image: i}]\naffinity: {nodeAffinity:"
        " {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions:"
        " [{key: nvidia.com/gpu.product, operator: DoesNotExist}]}]}}}\n"
    )
    assert read(file, make_pod(shuns))[0].notes == ()


def test_a_comparison_that_no_node_meets(file: Path) -> None:
    spec = f"""{SPEC}affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
      - matchExpressions:
        - {{key: nvidia.com/gpu.memory, operator: Gt, values: [40Gi]}}
        - {{key: nvidia.com/gpu.memory, operator: Lt, values: ['81920']}}
"""
    assert read(file, make_pod(spec))[0].notes == (
        "nvidia.com/gpu.memory>40Gi (line 17) matches no node: Gt and Lt compare whole numbers of 64 bits",
    )


def test_devices_are_counted_as_the_scheduler_counts_them(file: Path) -> None:
    spec = """\
initContainers:
- {name: one, image: i, resources: {limits: {nvidia.com/gpu: 5}}}
- {name: side, image: i, restartPolicy: Always, resources: {limits: {nvidia.com/gpu: 2}}}
- {name: two, image: i, resources: {limits: {nvidia.com/gpu: "4"}}}
containers:
- {name: a, image: i, resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 1}}}
- {name: b, image: i, resources: {limits: {nvidia.com/mig-1g.5gb: 1, example.com/fpga: 1}}}
overhead: {nvidia.com/gpu: 1}
"""
    (pod,) = read(file, make_pod(spec))
    assert pod.spec.requests == {GPU: 7, "nvidia.com/mig-1g.5gb": 1, "example.com/fpga": 1}


def test_no_field_of_kubernetes_is_taken_for_a_misspelling(file: Path) -> None:
    of_pods = (
        "volumes ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds"
        " dnsPolicy"
        " serviceAccountName serviceAccount automountServiceAccountToken hostNetwork hostPID hostIPC"
        " shareProcessNamespace securityContext imagePullSecrets hostname subdomain schedulerName hostAliases"
        " priorityClassName priority dnsConfig readinessGates runtimeClassName enableServiceLinks"
        " preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN os hostUsers schedulingGates"
        " resourceClaims resources hostnameOverride workloadRef schedulingGroup evictionResponders"
    )
    of_containers = (
        "command args workingDir ports envFrom env resizePolicy restartPolicy restartPolicyRules volumeMounts"
        " volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath source"
        " terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty"
    )
    container = "containers:\n- name: c\n" + "".join(f"  {name}:\n" for name in of_containers.split())
    spec = container + "".join(f"{name}:\n" for name in of_pods.split())
    assert len(read(file, make_pod(spec))) == 1
