"""The pods of each kind of object, and what is said of objects that are not what they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.errors import GfdError
from gfd.kube.requirements import Requirement
from gfd.tools.match.podfiles import read_files
from gfd.tools.match.pods import Pod
from gfd.tools.match.taints import Toleration

GPU = "nvidia.com/gpu"
SPEC = """\
nodeSelector: {zone: a}
containers:
- name: main
  image: none
  resources:
    limits: {nvidia.com/gpu: 2}
"""
EXAMPLES = Path(__file__).parents[3] / "manifests" / "examples"


def indent(text: str, columns: int) -> str:
    return "".join(" " * columns + line + "\n" for line in text.splitlines())


def written(api_version: str, kind: str, *path: str, spec: str = SPEC, name: str = "x") -> str:
    """Return an object with a PodSpec at a path."""
    lines = [f"apiVersion: {api_version}", f"kind: {kind}", "metadata:", f"  name: {name}"]
    lines += ["  " * depth + f"{key}:" for depth, key in enumerate(path)]
    return "\n".join(lines) + "\n" + indent(spec, 2 * len(path))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pods.yaml"


def read(file: Path, text: str) -> list[Pod]:
    file.write_text(text)
    return read_files([str(file)])


def refusal(file: Path, text: str) -> str:
    with pytest.raises(GfdError) as refused:
        read(file, text)
    return str(refused.value).replace(str(file), "FILE")


TEMPLATE = ("spec", "template", "spec")


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "Pod", ("spec",)),
        ("v1", "PodTemplate", ("template", "spec")),
        ("v1", "ReplicationController", TEMPLATE),
        ("apps/v1", "Deployment", TEMPLATE),
        ("apps/v1", "StatefulSet", TEMPLATE),
        ("apps/v1", "ReplicaSet", TEMPLATE),
        ("apps/v1", "DaemonSet", TEMPLATE),
        ("batch/v1", "Job", TEMPLATE),
        ("batch/v1", "CronJob", ("spec", "jobTemplate", *TEMPLATE)),
    ],
)
def test_kinds_with_one_pod(file: Path, api_version: str, kind: str, path: tuple[str, ...]) -> None:
    (pod,) = read(file, written(api_version, kind, *path))
    line = 4 + len(path) + 1
    assert (pod.title, pod.file, pod.line, pod.notes) == (f"{kind} x", str(file), 1, ())
    assert pod.spec.node_selector == (
        Requirement(key="zone", operator="In", values=("a",), line=line, is_shorthand=True),
    )
    assert pod.spec.requests == {GPU: 2}
    assert pod.spec.lines == {GPU: line + 5, "nodeName": line - 1}


def test_a_daemon_set_tolerates_more(file: Path) -> None:
    (plain,) = read(file, written("apps/v1", "Deployment", *TEMPLATE))
    (daemons,) = read(file, written("apps/v1", "DaemonSet", *TEMPLATE))
    (hosts,) = read(file, written("apps/v1", "DaemonSet", *TEMPLATE, spec=f"hostNetwork: true\n{SPEC}"))
    assert len(plain.spec.tolerations) == 2
    cordoned = Toleration(key="node.kubernetes.io/unschedulable", operator="Exists", effect="NoSchedule")
    assert cordoned in daemons.spec.tolerations
    assert len(hosts.spec.tolerations) == len(daemons.spec.tolerations) + 1


def test_a_job_set_has_a_pod_for_each_of_its_jobs(file: Path) -> None:
    job = "- name: {name}\n  template:\n    spec:\n      template:\n        spec:\n"
    jobs = job.format(name="driver") + indent(SPEC, 10) + job.format(name="workers") + indent(SPEC, 10)
    text = (
        "apiVersion: jobset.x-k8s.io/v1alpha2\nkind: JobSet\nmetadata: {name: x}\nspec:\n  replicatedJobs:\n"
    )
    pods = read(file, text + indent(jobs, 2))
    assert [(pod.title, pod.line) for pod in pods] == [
        ("JobSet x, replicatedJob driver", 10),
        ("JobSet x, replicatedJob workers", 21),
    ]
    assert [pod.spec.requests for pod in pods] == [{GPU: 2}] * 2


def test_any_object_with_a_pod_template_inside(file: Path) -> None:
    template = indent(SPEC, 8)
    text = (
        "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: train}\nspec:\n  replicaSpecs:\n"
        f"    Master:\n      template:\n       spec:\n{template}"
        f"    Worker:\n      template:\n       spec:\n{template}"
        "---\napiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: serve}\n"
        f"spec:\n  predictor:\n{indent(SPEC, 4)}"
        "---\napiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nmetadata: {name: batch}\nspec:\n  tasks:\n"
        f"  - template:\n      spec:\n{template}"
    )
    assert [(pod.title, pod.spec.requests) for pod in read(file, text)] == [
        ("PyTorchJob train, spec.replicaSpecs.Master.template", {GPU: 2}),
        ("PyTorchJob train, spec.replicaSpecs.Worker.template", {GPU: 2}),
        ("InferenceService serve, spec.predictor", {GPU: 2}),
        ("Job batch, spec.tasks[0].template", {GPU: 2}),
    ]


def test_a_resource_flavor_bears_its_own_taints(file: Path) -> None:
    text = """\
apiVersion: kueue.x-k8s.io/v1beta1
kind: ResourceFlavor
metadata: {name: a100}
spec:
  nodeLabels: {nvidia.com/gpu.product: A100}
  nodeTaints:
  - {key: nvidia.com/gpu, value: "true", effect: NoSchedule}
  tolerations:
  - {key: spot, operator: Exists}
"""
    (pod,) = read(file, text)
    assert (pod.title, pod.notes, pod.spec.requests) == ("ResourceFlavor a100", (), {})
    assert [str(each) for each in pod.spec.node_selector] == ["nvidia.com/gpu.product=A100"]
    assert pod.spec.tolerations[:2] == (
        Toleration(key="spot", operator="Exists"),
        Toleration(key="nvidia.com/gpu", value="true", effect="NoSchedule"),
    )
    (bare,) = read(file, text.split("spec:")[0])
    assert bare.spec.node_selector == ()
    assert refusal(file, text.replace("A100}", "A 100}")).startswith(
        'FILE:5: Kubernetes would refuse it: spec.nodeLabels: Invalid value: "A 100": a valid label must be'
    )


def test_a_pod_that_has_been_placed(file: Path) -> None:
    text = written("v1", "Pod", "spec", spec=f"nodeName: n1\n{SPEC}")
    (asked,) = read(file, text)
    assert (asked.spec.node_name, asked.spec.placed_on, asked.spec.lines["nodeName"]) == ("n1", "", 6)
    placed = text.replace("metadata:\n", "metadata:\n  uid: 5-5\n")
    (running,) = read(file, placed + "status: {phase: Running}\n")
    assert (running.spec.node_name, running.spec.placed_on) == ("", "n1")
    assert running.notes == ("it has been placed on n1 already",)
    (ended,) = read(file, placed + "status: {phase: Succeeded}\n")
    assert (ended.spec.node_name, ended.spec.placed_on) == ("", "")


def test_what_is_not_judged_is_named(file: Path) -> None:
    spec = SPEC.replace("gpu: 2", "gpu: 2, memory: 1Gi, cpu: 1") + (
        "affinity: {podAntiAffinity: {}}\nruntimeClassName: nvidia\nschedulingGates: [{name: kueue}]\n"
        "schedulerName: default-scheduler\nresourceClaims: []\n"
    )
    (pod,) = read(file, written("v1", "Pod", "spec", spec=spec))
    assert pod.notes == ("not judged: cpu, memory, podAntiAffinity, schedulingGates, runtimeClassName",)


@pytest.mark.parametrize(
    ("more", "notes"),
    [
        ("volumes: [{name: a, persistentVolumeClaim: {claimName: b}}]", ("not judged: volumes",)),
        ("volumes: [{name: a, ephemeral: {}}, 5]", ("not judged: volumes",)),
        ("volumes: [{name: a, emptyDir: {}}]", ()),
        ("volumes: null", ()),
    ],
)
def test_volumes_may_bind_a_pod_to_a_node(file: Path, more: str, notes: tuple[str, ...]) -> None:
    (pod,) = read(file, written("v1", "Pod", "spec", spec=f"{SPEC}{more}\n"))
    assert pod.notes == notes


def test_a_port_of_the_host_is_taken_once(file: Path) -> None:
    spec = "containers: [{name: c, ports: [{containerPort: 80}, {hostPort: 81}]}, {name: d}]\n"
    (pod,) = read(file, written("v1", "Pod", "spec", spec=spec))
    assert pod.notes == ("not judged: hostPort",)
    (pod,) = read(file, written("v1", "Pod", "spec", spec=spec.replace("hostPort: 81", "")))
    assert pod.notes == ()
    spec = spec.replace("[{containerPort: 80}", "{a: [{containerPort: 80}").replace("81}]", "81}]}")
    with pytest.raises(
        GfdError, match=r"cannot unmarshal object into Go struct field Container.*ContainerPort"
    ):
        read(file, written("v1", "Pod", "spec", spec=spec))


def test_a_pod_that_would_see_no_gpu_is_told_so(file: Path) -> None:
    blind = (
        "it selects nodes by nvidia.com/gpu.product and requests no nvidia.com/* resource: it would see no"
        " GPU"
        " there; add resources: {limits: {nvidia.com/gpu: 1}}"
    )
    selects = "containers: [{name: c, image: i}]\nnodeSelector: {nvidia.com/gpu.product: T4}\n"
    assert read(file, written("v1", "Pod", "spec", spec=selects))[0].notes == (blind,)
    has_claims = f"{selects}resourceClaims: [{{name: gpu}}]\n"
    assert read(file, written("v1", "Pod", "spec", spec=has_claims))[0].notes == (
        "not judged: resourceClaims",
    )
    shuns = (
        "containers: [{name: c, image: i}]\naffinity: {nodeAffinity:"
        " {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions:"
        " [{key: nvidia.com/gpu.product, operator: DoesNotExist}]}]}}}\n"
    )
    assert read(file, written("v1", "Pod", "spec", spec=shuns))[0].notes == ()


def test_a_comparison_that_never_holds_is_told(file: Path) -> None:
    spec = SPEC + (
        "affinity:\n  nodeAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution:\n     "
        " nodeSelectorTerms:\n"
        "      - matchExpressions:\n        - {key: nvidia.com/gpu.memory, operator: Gt, values: [40Gi]}\n"
        "        - {key: nvidia.com/gpu.memory, operator: Lt, values: ['81920']}\n"
    )
    assert read(file, written("v1", "Pod", "spec", spec=spec))[0].notes == (
        (
            "nvidia.com/gpu.memory>40Gi (line 17) holds nowhere: kube-scheduler compares whole numbers of 64"
            " bits only"
        ),
    )


def test_devices_are_counted_as_the_scheduler_does(file: Path) -> None:
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
    (pod,) = read(file, written("v1", "Pod", "spec", spec=spec))
    assert pod.spec.requests == {GPU: 7, "nvidia.com/mig-1g.5gb": 1}
    assert pod.notes == ("not judged: example.com/fpga",)


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"
CERTIFICATE = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: z}\n"
TAKES = "; gfd match takes pods, and whatever pods are made of: Deployment, Job, Workflow and others"


def test_objects_beside_pods_are_passed_over(file: Path) -> None:
    pod = written("v1", "Pod", "spec")
    assert [each.title for each in read(file, f"{SERVICE}---\n{CERTIFICATE}---\n{pod}")] == ["Pod x"]


def test_generated_names_are_no_two_of_a_name(file: Path) -> None:
    pod = written("v1", "Pod", "spec").replace("name: x", "generateName: x-")
    assert [each.title for each in read(file, f"{pod}---\n{pod}")] == ["Pod x-*"] * 2
    other = written("v1", "Pod", "spec").replace("name: x", "name: x\n  namespace: b")
    assert len(read(file, f"{written('v1', 'Pod', 'spec')}---\n{other}")) == 2


NO_MATCH = "Kubernetes would refuse it: no matches for kind"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{SERVICE}---\n{CERTIFICATE}",
            f"there is no pod in Service x (FILE:1), Certificate z (FILE:5){TAKES}",
        ),
        ("# nothing\n", "FILE: nothing in it" + TAKES),
        (
            "---\n".join([SERVICE] * 7),
            (
                "there is no pod in Service x (FILE:1), Service x (FILE:5), Service x (FILE:9), Service x"
                " (FILE:13),"
                f" Service x (FILE:17) and 2 more{TAKES}"
            ),
        ),
        (
            written("v1", "Pod", "spec") + "---\n" + written("v1", "Pod", "spec"),
            "FILE:13: a second Pod x: the first is FILE:1; give each a name of its own",
        ),
        (written("v1", "Podd", "spec"), f'FILE:2: {NO_MATCH} "Podd" in version "v1"; did you mean Pod?'),
        (
            written("v1", "Deployment", *TEMPLATE),
            f'FILE:2: {NO_MATCH} "Deployment" in version "v1"; Deployment is in apps/v1',
        ),
        (
            written("batch/v1beta1", "CronJob", "spec", "jobTemplate", *TEMPLATE),
            f'FILE:2: {NO_MATCH} "CronJob" in version "batch/v1beta1"; CronJob is in batch/v1',
        ),
        (
            "apiVersion: v1\nkind: Deploymnet\nmetadata: {name: x}\n",
            f'FILE:2: {NO_MATCH} "Deploymnet" in version "v1"; did you mean Deployment?',
        ),
        (written("v1", "Something", "spec"), f'FILE:2: {NO_MATCH} "Something" in version "v1"'),
        (
            "apiVersion: v1\nkind: Pod\nmetadata:\nspec:\n  containers: [{name: a, image: b}]\n",
            (
                "FILE:3: Kubernetes would refuse it: metadata.name: Required value: name or"
                " generateName is"
                " required"
            ),
        ),
        (
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\ncontainers:\n- name: a\nnodeSelector:"
                " {a: b}\n"
            ),
            (
                'FILE:7: Kubernetes would refuse it: strict decoding error: unknown field "nodeSelector";'
                " nothing is"
                " indented below spec: (line 4), beside stand containers: (line 5), nodeSelector: (line 7):"
                " the"
                " file"
                " has lost its indentation"
            ),
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n",
            "FILE:4: Kubernetes would refuse it: spec: Required value",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
            "FILE:1: Kubernetes would refuse it: spec: Required value",
        ),
        (
            (
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  nodeSelector: {a: b}\n"
                "  template: {spec: {containers: [{name: a, image: b}]}}\n"
            ),
            (
                "FILE:5: Kubernetes would refuse it: strict decoding error: unknown field"
                ' "spec.nodeSelector"; it'
                " belongs into spec.template.spec"
            ),
        ),
        (
            (
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  template:\n   "
                " tolerations: []\n"
                "    spec: {containers: [{name: a, image: b}]}\n"
            ),
            (
                "FILE:6: Kubernetes would refuse it: strict decoding error: unknown field"
                ' "spec.template.tolerations";'
                " it belongs into spec.template.spec"
            ),
        ),
        (
            (
                "apiVersion: jobset.x-k8s.io/v1alpha2\nkind: JobSet\nmetadata: {name: x}\nspec:\n "
                " replicatedJobs:\n"
                "  - name: a\n    template: {}\n"
            ),
            "FILE:7: Kubernetes would refuse it: spec.replicatedJobs[0].template.spec: Required value",
        ),
        (
            written("v1", "Pod", "spec", spec=SPEC + "node_selector: {a: b}\n"),
            (
                "FILE:12: Kubernetes would refuse it: strict decoding error: unknown field"
                ' "spec.node_selector"; did'
                " you mean nodeSelector?"
            ),
        ),
        (
            written("v1", "Pod", "spec", spec=SPEC.replace("zone: a", "nvidia.com/gpu.count: 8")),
            (
                "FILE:6: Kubernetes would refuse it: json: cannot unmarshal number into Go struct field"
                ' PodSpec.spec.nodeSelector of type string; put it in quotes: "8"'
            ),
        ),
        (
            written("v1", "Pod", "spec", spec=SPEC.replace("gpu: 2", "gpu: 0.5")),
            (
                "FILE:11: Kubernetes would refuse it: spec.containers[0].resources.limits[nvidia.com/gpu]:"
                " Invalid"
                ' value: "500m": must be an integer; a GPU is not divided by requests: see MIG, time-slicing'
                " and"
                " MPS"
            ),
        ),
        (
            written("v1", "Pod", "spec", spec="nodeName: A\n" + SPEC)
            + "---\n"
            + written("v1", "Pod", "spec", spec="containers: []\n", name="z"),
            (
                'FILE:6: Kubernetes would refuse it: spec.nodeName: Invalid value: "A": a lowercase RFC 1123'
                " subdomain"
                " must consist of lower case alphanumeric characters, '-' or '.', and must start and end"
                " with an"
                " alphanumeric character (e.g. 'example.com', regex used for validation is"
                r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                "\nFILE:19: Kubernetes would refuse it: spec.containers: Required value"
            ),
        ),
        (
            written("v1", "Pod", "spec", spec=SPEC + '"\\e[2J": 1\nnodeSelectorx: 1\n'),
            (
                "FILE:13: Kubernetes would refuse it: strict decoding error: unknown field"
                ' "spec.nodeSelectorx"; did you'
                " mean nodeSelector?"
            ),
        ),
        (
            written(
                "v1", "Pod", "spec", spec='containers: [{name: a, image: b}]\nnodeSelector: {a: "\\e[2J"}\n'
            ),
            (
                r'FILE:7: Kubernetes would refuse it: spec.nodeSelector: Invalid value: "\x1b[2J": a valid'
                r" label must be"
                " an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
                " end"
                " with"
                " an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for"
                " validation is"
                " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            ),
        ),
    ],
)
def test_what_is_refused(file: Path, text: str, message: str) -> None:
    assert refusal(file, text) == message


def test_the_scheduler_fails_on_a_preference_that_is_no_number(file: Path) -> None:
    spec = SPEC + (
        "affinity:\n  nodeAffinity:\n    preferredDuringSchedulingIgnoredDuringExecution:\n    - weight: 1\n"
        "      preference:\n        matchExpressions:\n"
        "        - key: nvidia.com/gpu.memory\n          operator: Gt\n          values:\n          - 40Gi\n"
    )
    assert refusal(file, written("v1", "Pod", "spec", spec=spec)) == (
        "FILE:21: kube-scheduler fails wherever two nodes fit, and says of it:"
        " spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference"
        ".matchExpressions[0].values[0]: Invalid value: \"40Gi\": for 'Gt', 'Lt' operators, the value must"
        " be an"
        " integer"
    )


def test_no_field_of_kubernetes_is_taken_for_a_slip(file: Path) -> None:
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
    assert len(read(file, written("v1", "Pod", "spec", spec=spec))) == 1


@pytest.mark.parametrize("name", ["vectoradd.yaml", "argo-vector-add.yaml", "enough-memory.yaml"])
def test_the_examples_are_fine(name: str) -> None:
    assert read_files([str(EXAMPLES / name)])
