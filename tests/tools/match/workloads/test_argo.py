"""The pods of Argo's workflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.tools.match.manifests.pods import Pod
from tests.tools.match.reading import read, refusal

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\n"


def selectors(pods: list[Pod]) -> list[tuple[str, list[str]]]:
    return [(pod.part, [str(each) for each in pod.spec.node_selector]) for pod in pods]


def test_one_pod_for_each_template_that_runs_one(file: Path) -> None:
    text = f"""\
{HEAD}spec:
  templates:
  - name: main
    steps: [null, [{{name: a, template: train}}]]
  - name: wait
    suspend: {{}}
  - name: train
    nodeSelector: {{gpu: a100}}
    container: {{image: i, resources: {{limits: {{nvidia.com/gpu: 1}}}}}}
    sidecars: [{{name: s, image: i, resources: {{limits: {{nvidia.com/gpu: 2}}}}}}]
    initContainers: [{{name: f, image: i, resources: {{limits: {{nvidia.com/gpu: 5}}}}}}]
  - name: count
    script: {{image: i, source: "import sys", resources: {{limits: {{nvidia.com/mig-1g.5gb: 1}}}}}}
  - name: both
    containerSet:
      containers:
      - {{name: one, image: i, resources: {{limits: {{nvidia.com/gpu: 1, memory: 1Gi}}}}}}
      - {{name: two, image: i, resources: {{limits: {{nvidia.com/gpu: 1}}}}}}
  - name: create
    resource: {{action: create}}
"""
    pods = read(file, text)
    assert [(pod.title, pod.line, pod.spec.requests) for pod in pods] == [
        ("Workflow w, template train", 10, {"nvidia.com/gpu": 5}),
        ("Workflow w, template count", 15, {"nvidia.com/mig-1g.5gb": 1}),
        ("Workflow w, template both", 17, {"nvidia.com/gpu": 2, "memory": 1 << 30}),
        ("Workflow w, template create", 22, {}),
    ]
    assert [pod.spec.unjudged for pod in pods] == [(), (), (), ()]
    assert pods[0].spec.lines["nvidia.com/gpu"] == 14


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"])
def test_kinds(file: Path, kind: str) -> None:
    text = HEAD.replace("Workflow", kind) + "spec: {templates: [{name: a, container: {image: i}}]}\n"
    assert [pod.title for pod in read(file, text)] == [f"{kind} w, template a"]


def test_a_cron_workflow(file: Path) -> None:
    head = HEAD.replace("Workflow", "CronWorkflow")
    text = head + "spec:\n  workflowSpec: {templates: [{name: a, container: {image: i}}]}\n"
    assert [pod.title for pod in read(file, text)] == ["CronWorkflow w, template a"]
    assert refusal(file, head + "spec: {schedule: x}\n") == ("FILE:4: spec.workflowSpec: is missing")


def test_what_a_template_inherits(file: Path) -> None:
    text = f"""\
{HEAD}spec:
  nodeSelector: {{from: workflow}}
  tolerations: [{{key: workflow, operator: Exists}}]
  templates:
  - {{name: own, container: {{image: i}}, nodeSelector: {{from: own}}}}
  - {{name: none, container: {{image: i}}, nodeSelector: {{}}}}
"""
    pods = read(file, text)
    assert selectors(pods) == [("template own", ["from=own"]), ("template none", ["from=workflow"])]
    assert [pod.spec.tolerations[0].key for pod in pods] == ["workflow"] * 2
    defaults = text.replace(
        "  templates:", "  templateDefaults: {nodeSelector: {from: defaults}}\n  templates:"
    )
    assert selectors(read(file, defaults))[1] == ("template none", ["from=defaults"])


def test_defaults_are_merged_into_a_template(file: Path) -> None:
    text = f"""\
{HEAD}spec:
  nodeSelector: {{from: workflow}}
  templateDefaults:
    nodeSelector: {{from: defaults, disk: ssd}}
    tolerations: [{{key: a, value: defaults}}, {{key: b, value: defaults, effect: NoSchedule}}]
    affinity:
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms: [{{matchExpressions: [{{key: zone, operator: Exists}}]}}]
    container: {{resources: {{limits: {{nvidia.com/gpu: 2}}}}}}
    script: {{resources: {{limits: {{nvidia.com/gpu: 9}}}}}}
  templates:
  - name: own
    nodeSelector: {{from: own}}
    tolerations: [{{key: b, value: own}}, {{key: c, operator: Exists}}]
    affinity:
      nodeAffinity:
        preferredDuringSchedulingIgnoredDuringExecution:
        - {{weight: 3, preference: {{matchExpressions: [{{key: fast, operator: Exists}}]}}}}
    container: {{image: i}}
"""
    (pod,) = read(file, text)
    assert selectors([pod]) == [("template own", ["from=own", "disk=ssd"])]
    assert [(each.key, each.value, each.effect) for each in pod.spec.tolerations[:3]] == [
        ("a", "defaults", ""),
        ("b", "own", "NoSchedule"),
        ("c", "", ""),
    ]
    assert [str(each) for each in pod.spec.requirements()] == ["from=own", "disk=ssd", "zone"]
    assert [each.weight for each in pod.spec.preferences] == [3]
    assert pod.spec.requests == {"nvidia.com/gpu": 2}
    assert [each.line for each in pod.spec.node_selector] == [17, 7]
    broken = text.replace("disk: ssd", "disk: -").replace("tolerations: [{key: b", "tolerations: [5, {key: b")
    assert refusal(file, broken).startswith(
        "FILE:7: spec.templates[0].nodeSelector.disk: '-' is not a label value: the value may hold only"
    )


def test_inline_templates(file: Path) -> None:
    text = f"""\
{HEAD}spec:
  templateDefaults: {{nodeSelector: {{disk: ssd}}}}
  templates:
  - name: steps
    tolerations: [{{key: caller, operator: Exists}}]
    steps:
    - - {{name: a, inline: {{nodeSelector: {{from: a}}, container: {{image: i}}}}}}
      - {{name: b, inline: {{suspend: {{}}}}}}
  - name: dag
    dag: {{tasks: [{{name: c, inline: {{script: {{image: i}}}}}}]}}
"""
    pods = read(file, text)
    assert selectors(pods) == [
        ("template steps, step a", ["disk=ssd", "from=a"]),
        ("template dag, step c", ["disk=ssd"]),
    ]
    assert [(pod.line, pod.spec.tolerations[0].key) for pod in pods] == [
        (10, "caller"),
        (13, "node.kubernetes.io/not-ready"),
    ]


def test_a_template_inherits_from_its_caller(file: Path) -> None:
    text = f"""\
{HEAD}spec:
  nodeSelector: {{from: workflow}}
  templates:
  - name: steps
    nodeSelector: {{from: steps}}
    steps: [[{{name: a, template: train}}, {{name: b, template: eval}}]]
  - name: dag
    nodeSelector: {{from: dag}}
    dag: {{tasks: [{{name: a, template: train}}]}}
  - name: train
    container: {{image: i}}
  - name: eval
    container: {{image: i}}
"""
    assert selectors(read(file, text)) == [
        ("template train, called by steps", ["from=steps"]),
        ("template train, called by dag", ["from=dag"]),
        ("template eval", ["from=steps"]),
    ]


def test_known_variables_are_replaced(file: Path) -> None:
    text = f"""\
{HEAD}spec:
  arguments: {{parameters: [{{name: product, value: T4}}, {{name: is-mig, value: true}}]}}
  templates:
  - name: a
    inputs: {{parameters: [{{name: gpus, default: 2}}, {{name: later}}]}}
    nodeSelector:
      product: "NVIDIA-{{{{workflow.parameters.product}}}}"
      mig: "{{{{ workflow.parameters.is-mig }}}}"
    affinity:
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
          - matchExpressions: [{{key: x, operator: In, values: ["{{{{inputs.parameters.gpus}}}}"]}}]
    container:
      image: i
      args: ["{{{{inputs.parameters.later}}}}"]
      resources:
        limits:
          nvidia.com/gpu: "{{{{inputs.parameters.gpus}}}}"
          memory: "{{{{inputs.parameters.later}}}}"
"""
    (pod,) = read(file, text)
    assert [str(each) for each in pod.spec.requirements()] == ["product=NVIDIA-T4", "mig=true", "x=2"]
    assert pod.spec.requests == {"nvidia.com/gpu": 2}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            'nodeSelector: {a: b, c: "{{item}}"}\n    container: {image: i}',
            (
                "FILE:7: spec.templates[0].nodeSelector.c: {{item}} has no value before it"
                " runs; give the parameter a value or a default"
            ),
        ),
        (
            'container: {image: i, resources: {limits: {nvidia.com/gpu: "{{inputs.parameters.x}}"}}}',
            (
                "FILE:7: spec.templates[0].container.resources.limits[nvidia.com/gpu]:"
                " {{inputs.parameters.x}} has no value before it runs; give the parameter a"
                " value or a default"
            ),
        ),
        (
            "nodeselector: {a: b}\n    container: {image: i}",
            "FILE:7: spec.templates[0].nodeselector: unknown key; did you mean nodeSelector?",
        ),
        (
            "container: {image: i, nodeSelector: {a: b}}",
            (
                "FILE:7: spec.templates[0].container.nodeSelector: unknown key; move it to the pod,"
                " beside containers"
            ),
        ),
        (
            "container: {image: i}\n  - name: a\n    container: {image: i}",
            "FILE:8: spec.templates[1]: template a is already in line 6; rename one",
        ),
    ],
)
def test_illegal_templates(file: Path, template: str, message: str) -> None:
    assert refusal(file, f"{HEAD}spec:\n  templates:\n  - name: a\n    {template}\n") == message


def test_a_patch_is_not_judged(file: Path) -> None:
    text = f"{HEAD}spec: {{podSpecPatch: x, templates: [{{name: a, container: {{image: i}}}}]}}\n"
    assert read(file, text)[0].spec.unjudged == ("podSpecPatch: Argo changes the pod when it runs",)


def test_a_workflow_of_another_template_needs_its_file(file: Path) -> None:
    text = f"{HEAD}spec:\n  workflowTemplateRef: {{name: other}}\n"
    assert refusal(file, text) == (
        "FILE:5: spec.workflowTemplateRef: WorkflowTemplate other is not in these files; add its file to the"
        " command"
    )
    cron = f"{HEAD.replace('Workflow', 'CronWorkflow')}spec:\n  workflowSpec:\n    workflowTemplateRef:\n"
    cron += "      {name: other, clusterScope: true}\n"
    assert refusal(file, cron).startswith(
        "FILE:6: spec.workflowSpec.workflowTemplateRef: ClusterWorkflowTemplate other is not in these files"
    )
    head = HEAD.replace("Workflow", "WorkflowTemplate").replace("name: w", "name: other")
    other = head + "spec: {templates: [{name: a, container: {image: i}}]}\n"
    assert [pod.title for pod in read(file, f"{text}---\n{other}")] == ["WorkflowTemplate other, template a"]


def test_a_step_of_another_template_needs_its_file(file: Path) -> None:
    text = f"""\
{HEAD}spec:
  templates:
  - {{name: own, container: {{image: i}}}}
  - name: main
    steps:
    - - {{name: a, templateRef: {{name: other, template: x}}}}
    - - {{name: b, templateRef: {{name: whole, template: x, clusterScope: true}}}}
"""
    assert refusal(file, text) == (
        "FILE:9: spec.templates[1].steps[0][0].templateRef: WorkflowTemplate other is not in these files;"
        " add its file to the command\n"
        "FILE:10: spec.templates[1].steps[1][0].templateRef: ClusterWorkflowTemplate whole is not in these"
        " files; add its file to the command"
    )
    twice = text.replace("spec:", "spec: {templates: 5}\n---\n" + HEAD + "spec:")
    assert refusal(file, twice) == "FILE:4: spec.templates: expected a list, found the number 5"


def test_lost_indentation(file: Path) -> None:
    assert refusal(file, f"{HEAD}spec:\ntemplates:\n- name: a\n") == (
        "FILE:4: spec: nothing is indented below it; the file has probably lost its indentation"
    )
