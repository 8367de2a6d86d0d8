"""The pods of each kind of object, and the messages about illegal objects."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gfd.errors import GfdError
from gfd.kube.requirements import Requirement
from gfd.tools.match.podspec.scheduling import Toleration
from tests.tools.match.reading import GPU, SPEC, read, read_pods, refusal

EXAMPLES = Path(__file__).parents[4] / "manifests" / "examples"


def indent(text: str, columns: int) -> str:
    return "".join(" " * columns + line + "\n" for line in text.splitlines())


def make_object(api_version: str, kind: str, *path: str, spec: str = SPEC, name: str = "x") -> str:
    """Return an object with a PodSpec at a path."""
    lines = [f"apiVersion: {api_version}", f"kind: {kind}", "metadata:", f"  name: {name}"]
    lines += ["  " * depth + f"{key}:" for depth, key in enumerate(path)]
    return "\n".join(lines) + "\n" + indent(spec, 2 * len(path))


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
    (pod,) = read(file, make_object(api_version, kind, *path))
    line = 4 + len(path) + 1
    assert (pod.title, pod.file, pod.line, pod.notes) == (f"{kind} x", str(file), 1, ())
    assert pod.spec.node_selector == (
        Requirement(key="zone", operator="In", values=("a",), line=line, is_shorthand=True),
    )
    assert pod.spec.requests == {GPU: 2}
    assert pod.spec.lines == {GPU: line + 5, "nodeName": line - 1}


def test_a_daemon_set_tolerates_more(file: Path) -> None:
    (plain,) = read(file, make_object("apps/v1", "Deployment", *TEMPLATE))
    (daemons,) = read(file, make_object("apps/v1", "DaemonSet", *TEMPLATE))
    (hosts,) = read(file, make_object("apps/v1", "DaemonSet", *TEMPLATE, spec=f"hostNetwork: true\n{SPEC}"))
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


def test_an_object_of_an_unknown_kind_is_searched(file: Path) -> None:
    text = (
        "apiVersion: example.com/v1\nkind: Trainer\nmetadata: {name: train}\nspec:\n  roles:\n"
        f"  - template:\n      spec:\n{indent(SPEC, 8)}  server:\n{indent(SPEC, 4)}"
    )
    pods = read(file, text)
    assert [(pod.title, pod.spec.requests, pod.copies) for pod in pods] == [
        ("Trainer train, spec.roles[0].template", {GPU: 2}, 1),
        ("Trainer train, spec.server", {GPU: 2}, 1),
    ]
    assert pods[0].spec.unjudged == ("number of pods: gfd does not know how many pods a Trainer creates",)


def test_a_resource_flavor_tolerates_its_own_taints(file: Path) -> None:
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
        "FILE:5: spec.nodeLabels[nvidia.com/gpu.product]: 'A 100' is not a label value: "
    )


def test_a_pod_that_has_a_node(file: Path) -> None:
    text = make_object("v1", "Pod", "spec", spec=f"nodeName: n1\n{SPEC}")
    (asked,) = read(file, text)
    assert (asked.spec.node_name, asked.spec.current_node, asked.spec.lines["nodeName"]) == ("n1", "", 6)
    placed = text.replace("metadata:\n", "metadata:\n  uid: 5-5\n")
    (running,) = read(file, placed + "status: {phase: Running}\n")
    assert (running.spec.node_name, running.spec.current_node) == ("", "n1")
    assert running.notes == ("the pod is on node n1 already",)
    (ended,) = read(file, placed + "status: {phase: Succeeded}\n")
    assert (ended.spec.node_name, ended.spec.current_node) == ("", "")


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"
CERTIFICATE = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: z}\n"


def test_other_objects_are_skipped(file: Path) -> None:
    pod = make_object("v1", "Pod", "spec")
    assert [each.title for each in read(file, f"{SERVICE}---\n{CERTIFICATE}---\n{pod}")] == ["Pod x"]


def test_generated_names_may_be_equal(file: Path) -> None:
    pod = make_object("v1", "Pod", "spec").replace("name: x", "generateName: x-")
    assert [each.title for each in read(file, f"{pod}---\n{pod}")] == ["Pod x-*"] * 2
    other = make_object("v1", "Pod", "spec").replace("name: x", "name: x\n  namespace: b")
    assert len(read(file, f"{make_object('v1', 'Pod', 'spec')}---\n{other}")) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{SERVICE}---\n{CERTIFICATE}",
            (
                "there is no pod in Service x (FILE:1), Certificate z (FILE:5); gfd match reads Pods and"
                " objects that create pods: Deployment, Job, Workflow and others"
            ),
        ),
        (
            "# nothing\n",
            (
                "FILE: no objects found; gfd match reads Pods and objects that create pods: Deployment,"
                " Job, Workflow and others"
            ),
        ),
        (
            "---\n".join([SERVICE] * 7),
            (
                "there is no pod in Service x (FILE:1), Service x (FILE:5), Service x (FILE:9), Service"
                " x (FILE:13), Service x (FILE:17) and 2 more; gfd match reads Pods and objects that"
                " create pods: Deployment, Job, Workflow and others"
            ),
        ),
        (
            make_object("v1", "Pod", "spec") + "---\n" + make_object("v1", "Pod", "spec"),
            "FILE:13: Pod x is already in FILE:1; choose another name",
        ),
        (make_object("v1", "Podd", "spec"), "FILE:2: kind: v1 has no kind 'Podd'; did you mean Pod?"),
        (
            make_object("v1", "Deployment", *TEMPLATE),
            "FILE:2: kind: v1 has no kind 'Deployment'; write apiVersion: apps/v1",
        ),
        (
            make_object("batch/v1beta1", "CronJob", "spec", "jobTemplate", *TEMPLATE),
            "FILE:2: kind: batch/v1beta1 has no kind 'CronJob'; write apiVersion: batch/v1",
        ),
        (
            "apiVersion: v1\nkind: Deploymnet\nmetadata: {name: x}\n",
            "FILE:2: kind: v1 has no kind 'Deploymnet'; did you mean Deployment?",
        ),
        (make_object("v1", "Something", "spec"), "FILE:2: kind: v1 has no kind 'Something'"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata:\nspec:\n  containers: [{name: a, image: b}]\n",
            "FILE:3: metadata: needs a name or a generateName",
        ),
        (
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\ncontainers:\n- name: a\nnodeSelector:"
                " {a: b}\n"
            ),
            "FILE:4: spec: nothing is indented below it; the file has probably lost its indentation",
        ),
        (
            make_object("v1", "Pod", "spec") + "nodeSelector: {a: b}\n",
            "FILE:12: nodeSelector: unknown key; move it to spec",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n",
            "FILE:4: spec: is missing",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
            "FILE:1: spec: is missing",
        ),
        (
            (
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  nodeSelector: {a: b}\n"
                "  template: {spec: {containers: [{name: a, image: b}]}}\n"
            ),
            "FILE:5: spec.nodeSelector: unknown key; move it to spec.template.spec",
        ),
        (
            (
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  template:\n   "
                " tolerations: []\n"
                "    spec: {containers: [{name: a, image: b}]}\n"
            ),
            "FILE:6: spec.template.tolerations: unknown key; move it to spec.template.spec",
        ),
        (
            (
                "apiVersion: jobset.x-k8s.io/v1alpha2\nkind: JobSet\nmetadata: {name: x}\nspec:\n "
                " replicatedJobs:\n"
                "  - name: a\n    template: {}\n"
            ),
            "FILE:7: spec.replicatedJobs[0].template.spec: is missing",
        ),
        (
            make_object("v1", "Pod", "spec", spec=SPEC + "node_selector: {a: b}\n"),
            "FILE:12: spec.node_selector: unknown key; did you mean nodeSelector?",
        ),
        (
            make_object("v1", "Pod", "spec", spec=SPEC.replace("zone: a", "nvidia.com/gpu.count: 8")),
            (
                "FILE:6: spec.nodeSelector[nvidia.com/gpu.count]: expected a string, found the number 8;"
                " put it in quotes"
            ),
        ),
        (
            make_object("v1", "Pod", "spec", spec=SPEC.replace("gpu: 2", "gpu: 0.5")),
            (
                "FILE:11: spec.containers[0].resources.limits[nvidia.com/gpu]: a number of devices must"
                " be whole; for a part of a GPU see MIG, time-slicing and MPS"
            ),
        ),
        (
            make_object("v1", "Pod", "spec", spec="nodeName: A\n" + SPEC)
            + "---\n"
            + make_object("v1", "Pod", "spec", spec="containers: []\n", name="z"),
            (
                "FILE:6: spec.nodeName: 'A' is not a node name: the name is not a DNS name in lower"
                " case, such as example.com\nFILE:19: spec.containers: a pod needs at least one container"
            ),
        ),
        (
            make_object("v1", "Pod", "spec", spec=SPEC + '"\\e[2J": 1\nnodeSelectorx: 1\n'),
            "FILE:13: spec.nodeSelectorx: unknown key; did you mean nodeSelector?",
        ),
        (
            make_object(
                "v1", "Pod", "spec", spec='containers: [{name: a, image: b}]\nnodeSelector: {a: "\\e[2J"}\n'
            ),
            (
                "FILE:7: spec.nodeSelector.a: '\\x1b[2J' is not a label value: the value may hold only"
                " letters, digits, '-', '_' and '.', and must begin and end with a letter or digit"
            ),
        ),
    ],
)
def test_illegal_objects(file: Path, text: str, message: str) -> None:
    assert refusal(file, text) == message


def test_empty_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(GfdError, match=r"^standard input: no objects found; gfd match reads Pods"):
        read_pods(["-"])


@pytest.mark.parametrize("name", ["vectoradd.yaml", "argo-vector-add.yaml", "enough-memory.yaml"])
def test_the_examples_are_legal(name: str) -> None:
    assert read_pods([str(EXAMPLES / name)])


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ("{name: A_b}", "metadata.name: 'A_b' is not the name of an object: the name is not a DNS name"),
        ("{name: a.b}", ""),
        ("{generateName: A-}", "metadata.generateName: 'A-' is not the beginning of a name: the name is not"),
        ("{generateName: a-}", ""),
        (
            "{name: a, namespace: a.b}",
            "metadata.namespace: 'a.b' is not the name of a namespace; write",
        ),
        ("{name: a, namespace: a-b}", ""),
    ],
)
def test_names_of_objects(file: Path, metadata: str, told: str) -> None:
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec:\n{indent(SPEC, 2)}"
    if told:
        assert refusal(file, text).startswith(f"FILE:3: {told}")
    else:
        assert len(read(file, text)) == 1
