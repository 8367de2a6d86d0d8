"""A config file that is still in its ConfigMap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gfd.labels.sharing import SharedResource
from tests.config import read_config, read_error

SHARING_TEXT = "sharing:\n  timeSlicing:\n    resources:\n    - {name: gpu, replicas: 4}\n"


CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata: {name: plugin}
data:
  config.yaml: |
    version: v1
    flgas: {}
    sharing:
      timeSlicing:
        resources:
        - name: gpu
          replicas: 4
"""


def test_a_config_map_with_one_key(file: Path) -> None:
    found = read_config(file, CONFIG_MAP)
    assert found.sharing.resources == (SharedResource(name="nvidia.com/gpu", replicas=4),)
    # Lines are those of the file.
    assert [(key.path, key.line) for key in found.unknown_keys] == [("flgas", 7)]
    broken = CONFIG_MAP.replace("replicas: 4", "replicas: 1")
    assert read_error(file, broken).startswith(
        "sharing.timeSlicing.resources[0].replicas (FILE:12): expected"
    )
    assert read_error(file, CONFIG_MAP.replace("flgas: {}", "flgas: [")).startswith(
        "--config-file (FILE:9): is not"
    )
    assert read_error(file, CONFIG_MAP.replace("- name: gpu", "- name: [")).startswith(
        "--config-file (FILE:12): is"
    )


def test_a_config_map_in_json(file: Path) -> None:
    tree = {"kind": "ConfigMap", "data": {"a": SHARING_TEXT + "flgas: 1\n"}}
    found = read_config(file, json.dumps(tree, indent=1))
    assert found.sharing.resources == (SharedResource(name="nvidia.com/gpu", replicas=4),)
    assert [key.line for key in found.unknown_keys] == [4]
    assert read_error(file, json.dumps(tree, indent=1).replace("4}", "1}")).startswith(
        "sharing.timeSlicing.resources[0].replicas (FILE:4): expected a whole number"
    )


def test_a_config_map_with_merged_data(file: Path) -> None:
    text = f"x: &x\n  data: {{a: {json.dumps(SHARING_TEXT)}}}\nkind: ConfigMap\n<<: *x\n"
    assert read_config(file, text).sharing.resources[0].replicas == 4


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("kind: ConfigMap\n", 1, "is a ConfigMap without data; it must hold a configuration"),
        ("kind: ConfigMap\ndata: {}", 1, "is a ConfigMap without data; it must hold a configuration"),
        ("kind: ConfigMap\ndata: [a]", 1, "is a ConfigMap without data; it must hold a configuration"),
        ("kind: ConfigMap\nbinaryData: {a: YQ==}", 1, "is a ConfigMap without data; it must hold a"),
        (
            "kind: ConfigMap\ndata: {a: 5}",
            2,
            "is a ConfigMap whose data.a is not a string; it must hold a",
        ),
        (
            "data: {a.yaml: x, b: y}\nkind: ConfigMap",
            2,
            (
                "is a ConfigMap with several keys: a.yaml, b; save one of them to a file:"
                " kubectl get configmap NAME -o go-template='{{index .data \"a.yaml\"}}' > FILE"
            ),
        ),
        (
            "kind: ConfigMap\nmetadata: {name: c, namespace: m}\ndata: {a: x, b: y}",
            1,
            (
                "is a ConfigMap with several keys: a, b; save one of them to a file: "
                "kubectl get configmap -n m c -o go-template='{{index .data \"a\"}}' > FILE"
            ),
        ),
        (
            "kind: ConfigMap\nmetadata: {name: yes, namespace: n}\ndata: {a: x, b: y}",
            1,
            (
                "is a ConfigMap with several keys: a, b; save one of them to a file: "
                "kubectl get configmap NAME -o go-template='{{index .data \"a\"}}' > FILE"
            ),
        ),
        (
            "kind: ConfigMap\nmetadata: {name: 'yes', namespace: 'n; x'}\ndata: {a: x, b: y}",
            1,
            (
                "is a ConfigMap with several keys: a, b; save one of them to a file: "
                "kubectl get configmap -n 'n; x' yes -o go-template='{{index .data \"a\"}}' > FILE"
            ),
        ),
        (
            "apiVersion: v1\nkind: List\nitems: [{kind: ConfigMap}, {}]",
            2,
            "is a Kubernetes List of 2 objects; pass a configuration, or one ConfigMap that holds it",
        ),
        (
            "apiVersion: v1\nkind: Pod",
            2,
            "is a Kubernetes Pod; pass a configuration, or a ConfigMap",
        ),
        ("apiVersion: v1\nkind: [x]", 2, "is a Kubernetes object; pass a configuration, or a"),
        (
            "kind: ConfigMap\ndata:\n  a: |\n    kind: ConfigMap\n",
            4,
            "is a ConfigMap that holds another Kubernetes object",
        ),
    ],
)
def test_other_kubernetes_objects(file: Path, text: str, line: int, reason: str) -> None:
    assert read_error(file, text).startswith(f"--config-file (FILE:{line}): {reason}")
