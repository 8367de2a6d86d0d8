"""What is read from a PodSpec, and the notes about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.match.reading import GPU, SPEC, read, refusal


def make_pod(spec: str) -> str:
    lines = "".join(f"  {line}\n" for line in spec.splitlines())
    return f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n{lines}"


def test_every_resource_is_requested(file: Path) -> None:
    (pod,) = read(file, make_pod(SPEC.replace("gpu: 2", "gpu: 2, memory: 1Gi, cpu: 1")))
    assert pod.spec.requests == {GPU: 2, "memory": 1 << 30, "cpu": 1000}
    assert pod.spec.unjudged == ()


@pytest.mark.parametrize(
    ("more", "unjudged"),
    [
        (
            "volumes: [{name: a, persistentVolumeClaim: {claimName: data}}]",
            "volumes: the PersistentVolumeClaim data may be bound to a volume that only some nodes reach",
        ),
        (
            "volumes: [{name: a, ephemeral: {}}, 5]",
            "volumes: a (ephemeral) may get a volume that only some nodes reach",
        ),
        (
            "volumes: [{name: a, gcePersistentDisk: {pdName: b}}]",
            "volumes: a node may have no room to attach a (gcePersistentDisk)",
        ),
        ("volumes: [{name: a, rbd: {image: b}}]", "volumes: another pod on the node may use a (rbd)"),
        (
            "schedulingGates: [{name: one}, {name: two}]",
            "schedulingGates: the pod is not scheduled before one and two are removed",
        ),
        (
            "schedulerName: volcano",
            "schedulerName: volcano places the pod, and may follow other rules than kube-scheduler",
        ),
        (
            "schedulingGroup: {podGroupName: train}",
            "schedulingGroup: the pods of the group train start together, or none starts",
        ),
        (
            "hostNetwork: true\nhostUsers: false",
            "hostUsers: false with hostNetwork needs a node whose kubelet declares this feature",
        ),
    ],
)
def test_unjudged_fields(file: Path, more: str, unjudged: str) -> None:
    (pod,) = read(file, make_pod(f"{SPEC}{more}\n"))
    assert pod.spec.unjudged == (unjudged,)


@pytest.mark.parametrize(
    "more",
    [
        "volumes: [{name: a, emptyDir: {}}, {name: b, csi: {driver: c}}]",
        "volumes: null",
        "schedulerName: default-scheduler\nresourceClaims: []\nschedulingGates: []",
        "nodeName: node1\nschedulerName: volcano",
        "hostNetwork: true",
    ],
)
def test_nothing_is_unjudged(file: Path, more: str) -> None:
    (pod,) = read(file, make_pod(f"{SPEC}{more}\n"))
    assert pod.spec.unjudged == ()


def test_unjudged_features_of_containers(file: Path) -> None:
    container = (
        "containers: [{name: c, restartPolicyRules: [{action: RestartAllContainers}],"
        " volumeMounts: [{bindMountOptions: [noexec]}]}]\n"
    )
    (pod,) = read(file, make_pod(container))
    assert [text.partition(":")[0] for text in pod.spec.unjudged] == [
        "restartPolicyRules",
        "bindMountOptions",
    ]


def test_the_group_of_a_scheduler_plugin(file: Path) -> None:
    text = make_pod(SPEC).replace("name: x", "name: x\n  labels: {scheduling.x-k8s.io/pod-group: train}")
    (pod,) = read(file, text)
    assert pod.spec.unjudged == (
        "scheduling.x-k8s.io/pod-group: the pods of the group train start together, or none starts",
    )


def test_a_gated_pod_cannot_name_its_node(file: Path) -> None:
    assert refusal(file, make_pod(f"{SPEC}nodeName: node1\nschedulingGates: [{{name: a}}]\n")).endswith(
        "spec.nodeName: a pod with schedulingGates cannot name its node; remove one"
    )


def test_a_pod_that_would_see_no_gpu(file: Path) -> None:
    note = (
        "the pod selects nodes by nvidia.com/gpu.product but requests no nvidia.com/* resource, so it would"
        " see no GPU; add resources: {limits: {nvidia.com/gpu: 1}}"
    )
    selects = "containers: [{name: c, image: i}]\nnodeSelector: {nvidia.com/gpu.product: T4}\n"
    assert read(file, make_pod(selects))[0].notes == (note,)
    has_claims = f"{selects}resourceClaims: [{{name: gpu, resourceClaimName: a}}]\n"
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
