"""Requests for devices that gfd match does not read: they are named, and the run fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.match.reading import GPU, SPEC, read, refusal

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n" + "".join(
    f"  {line}\n" for line in SPEC.splitlines()
)
GET = "for its pods run kubectl get pod NAME -o yaml | gfd match -"


def make(api_version: str, kind: str, text: str) -> str:
    return f"apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: it\n{text}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            make("example.com/v1", "Server", "spec:\n  resources: {limits: {nvidia.com/gpu: 1}}\n"),
            (
                "FILE:6: spec.resources.limits[nvidia.com/gpu]: asks for nvidia.com/gpu, but gfd match does"
                f" not read this part of a Server; {GET}"
            ),
        ),
        (
            make(
                "example.com/v1", "Server", "spec:\n  gpus:\n  - type: nvidia.com/mig-1g.5gb\n    count: 2\n"
            ),
            (
                "FILE:7: spec.gpus[0].type: asks for nvidia.com/mig-1g.5gb, but gfd match does not read this"
                f" part of a Server; {GET}"
            ),
        ),
        (
            make(
                "example.com/v1",
                "Server",
                "spec:\n  gpu: {nvidia.com/gpu: 1}\n  pod:\n    containers: [{name: a, image: b}]\n",
            ),
            (
                "FILE:6: spec.gpu[nvidia.com/gpu]: asks for nvidia.com/gpu, but gfd match does not read this"
                f" part of a Server; {GET}"
            ),
        ),
        (
            make("v1", "ConfigMap", "data:\n  pod.yaml: |\n    limits:\n      nvidia.com/gpu: 1\n"),
            (
                "FILE:6: data[pod.yaml]: asks for nvidia.com/gpu in a text; save the object that the text"
                " holds in a file of its own, and match that"
            ),
        ),
        (
            make("v1", "ConfigMap", "data: {flags: --limits=nvidia.com/gpu=2}\n"),
            (
                "FILE:5: data.flags: asks for nvidia.com/gpu in a text; save the object that the text holds"
                " in a file of its own, and match that"
            ),
        ),
        (
            make(
                "helm.toolkit.fluxcd.io/v2",
                "HelmRelease",
                "spec:\n  values:\n    resources:\n      limits:\n        nvidia.com/gpu: 1\n",
            ),
            (
                "FILE:9: spec.values.resources.limits[nvidia.com/gpu]: asks for nvidia.com/gpu, but"
                " HelmRelease it must be rendered first; run helm template it CHART -f VALUES | gfd match -"
            ),
        ),
        (
            make(
                "argoproj.io/v1alpha1",
                "Application",
                "spec:\n  source:\n    helm:\n      values: |\n        limits: {nvidia.com/gpu: 1}\n",
            ),
            (
                "FILE:8: spec.source.helm.values: asks for nvidia.com/gpu, but Application it must be"
                " rendered first; run argocd app manifests it | gfd match -"
            ),
        ),
        (
            make("kubeai.org/v1", "Model", "spec: {resourceProfile: 'nvidia-gpu-l4:1'}\n"),
            (
                "FILE:1: match what Model it creates instead: run kubectl get pods -l model=it -o yaml |"
                " gfd match -"
            ),
        ),
        (
            make("template.openshift.io/v1", "Template", "objects: []\n"),
            "FILE:1: match what Template it creates instead: run oc process -f FILE | gfd match -",
        ),
        (
            make(
                "argoproj.io/v1alpha1",
                "Workflow",
                "spec:\n  templates:\n  - name: a\n    resource:\n      action: create\n      manifest: |\n"
                '        {"limits": {"nvidia.com/gpu": 1}}\n',
            ),
            (
                "FILE:10: spec.templates[0].resource.manifest: asks for nvidia.com/gpu, but gfd match does"
                f" not read this part of a Workflow; {GET}"
            ),
        ),
        (
            make(
                "kubeflow.org/v1",
                "PyTorchJob",
                "spec:\n  limits: {nvidia.com/gpu: 1}\n  pytorchReplicaSpecs:\n    Worker:\n      template:\n"
                "        spec: {containers: [{name: a, image: b}]}\n",
            ),
            (
                "FILE:6: spec.limits[nvidia.com/gpu]: asks for nvidia.com/gpu, but gfd match does not read"
                f" this part of a PyTorchJob; {GET}"
            ),
        ),
    ],
)
def test_requests_that_are_not_read(file: Path, text: str, message: str) -> None:
    assert refusal(file, f"{text}---\n{POD}") == message


@pytest.mark.parametrize(
    "text",
    [
        make("v1", "ResourceQuota", "spec: {hard: {requests.nvidia.com/gpu: 4}}\n"),
        make("v1", "LimitRange", "spec: {limits: [{type: Container, max: {nvidia.com/gpu: 1}}]}\n"),
        make("kueue.x-k8s.io/v1beta1", "ClusterQueue", "spec: {coveredResources: [nvidia.com/gpu]}\n"),
        make("karpenter.sh/v1", "NodePool", "spec: {limits: {nvidia.com/gpu: 8}}\n"),
        make("nvidia.com/v1", "ClusterPolicy", "spec: {daemonsets: {env: nvidia.com/gpu}}\n"),
        make("v1", "ConfigMap", "data: {config: 'resources: [{name: nvidia.com/gpu, replicas: 4}]'}\n"),
        make("v1", "ConfigMap", "data: {note: 'see https://docs.nvidia.com/gpu: 1'}\n"),
        make("example.com/v1", "Database", "spec: {tolerations: [{key: nvidia.com/gpu}]}\n"),
        make("example.com/v1", "Database", "  annotations: {a: 'nvidia.com/gpu: 1'}\nspec: {}\n"),
        make("helm.toolkit.fluxcd.io/v2", "HelmRelease", "spec: {values: {replicas: 1}}\n"),
    ],
)
def test_other_mentions_request_nothing(file: Path, text: str) -> None:
    assert [(pod.title, pod.spec.requests) for pod in read(file, f"{text}---\n{POD}")] == [
        ("Pod x", {GPU: 2})
    ]


def test_a_file_that_must_be_rendered(file: Path) -> None:
    text = make("helm.toolkit.fluxcd.io/v2", "HelmRelease", "spec: {values: {replicas: 1}}\n")
    assert refusal(file, text) == (
        "there is no pod in HelmRelease it (FILE:1); HelmRelease it must be rendered first: run helm template"
        " it CHART -f VALUES | gfd match -"
    )


FILL = "fill it in first, with envsubst, kubectl kustomize or oc process"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "gpu: 2",
            "gpu: '${GPUS}'",
            (
                "FILE:10: spec.containers[0].resources.limits[nvidia.com/gpu]: expected a number of devices,"
                " found the string '${GPUS}'; write a whole number, such as 1; ${GPUS} is a variable; " + FILL
            ),
        ),
        (
            "{nvidia.com/gpu: 2}",
            "{memory: $MEMORY}",
            (
                "FILE:10: spec.containers[0].resources.limits.memory: expected an amount, found the string"
                " '$MEMORY'; write an amount such as 1, 500m or 40Gi; $MEMORY is a variable; " + FILL
            ),
        ),
        (
            "zone: a",
            "zone: '{{ .Values.zone }}'",
            (
                "FILE:5: spec.nodeSelector.zone: '{{ .Values.zone }}' is not a label value: the value may"
                " hold only letters, digits, '-', '_' and '.', and must begin and end with a letter or digit;"
                " {{ .Values.zone }} is part of a template; fill it in first, for example with helm template"
            ),
        ),
    ],
)
def test_variables_that_another_tool_fills(file: Path, old: str, new: str, message: str) -> None:
    assert refusal(file, POD.replace(old, new)) == message
    assert FILL not in refusal(
        file, POD.replace("image: none", "image: none\n    args: [$HOME]\n    x:\n  - y")
    )
