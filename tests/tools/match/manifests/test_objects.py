"""Files of objects, and the messages about illegal files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gfd.errors import DocumentError
from gfd.tools.match.manifests.objects import Manifest, identify, parse_objects, read_file

PRINTED = Path(__file__).parents[3] / "fixtures" / "printed"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pods.yaml"


def read(*files: str | Path) -> list[Manifest]:
    return [identify(each) for file in files for each in parse_objects(read_file(str(file)))]


def titles(file: Path, text: str) -> list[tuple[str, int]]:
    file.write_text(text)
    return [(f"{each.api_version} {each.title}", each.value.line) for each in read(file)]


def refuse(file: Path, text: str | bytes) -> str:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DocumentError) as refused:
        read(file)
    return str(refused.value).replace(str(file), "FILE")


def test_documents_of_several_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "# nothing\n---\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: team}\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\n"
    )
    (tmp_path / "b.json").write_text(
        '\ufeff{"apiVersion": "x/v1", "kind": "Y", "metadata": {"generateName": "c-"}}'
    )
    found = read(tmp_path / "a.yaml", tmp_path / "b.json")
    assert [(each.group, each.title, each.value.line, each.name.endswith("*")) for each in found] == [
        ("", "Pod team/a", 4, False),
        ("apps", "Deployment b", 8, False),
        ("x", "Y c-*", 1, True),
    ]


def test_objects_of_lists(file: Path) -> None:
    pods = "items:\n- {metadata: {name: a}}\n- {metadata: {name: b}}\n"
    assert titles(file, f"apiVersion: v1\nkind: PodList\n{pods}") == [("v1 Pod a", 4), ("v1 Pod b", 5)]
    jobs = "- {apiVersion: batch/v1, kind: Job, metadata: {name: a}}\n"
    assert titles(file, f"apiVersion: v1\nkind: List\nitems:\n{jobs}") == [("batch/v1 Job a", 4)]
    assert titles(file, "apiVersion: v1\nkind: List\nitems: []\n") == []
    assert titles(file, "") == []


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.TextIOWrapper(io.BytesIO("apiVersion: v1\nkind: Größe\n".encode()), encoding="ascii")
    monkeypatch.setattr("sys.stdin", text)
    (found,) = read("-")
    assert (found.kind, found.value.source) == ("Größe", "standard input")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe", "FILE:1: is not text in UTF-8; save it as UTF-8, or name another file"),
        (b"a: 1\nb: \xff", "FILE:2: is not text in UTF-8; save it as UTF-8, or name another file"),
        ("just words", "FILE:1: is not a Kubernetes object, which has apiVersion, kind, metadata and spec"),
        ("- a", "FILE:1: is not a Kubernetes object, which has apiVersion, kind, metadata and spec"),
        (
            "---\na: 1\n",
            (
                "FILE:2: is not a Kubernetes object: apiVersion and kind are missing; if these are values of"
                " a Helm chart, run helm template CHART -f FILE | gfd match -"
            ),
        ),
        (
            "resources: [pod.yaml]\n",
            (
                "FILE:1: is not a Kubernetes object: apiVersion and kind are missing; if this is a"
                " kustomization, run kubectl kustomize DIRECTORY | gfd match -"
            ),
        ),
        (
            "apiVersion: v2\nname: chart\n",
            (
                "FILE:1: is not a Kubernetes object: kind is missing; if these are values of a Helm chart,"
                " run helm template CHART -f FILE | gfd match -"
            ),
        ),
        ("kind: Pod\n", "FILE:1: is not a Kubernetes object: apiVersion is missing"),
        (
            "kind: 7\napiVersion: v1\n",
            "FILE:1: kind: expected a string, found the number 7; put it in quotes",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: {}\n",
            "FILE:3: items: expected a list, found a mapping",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: [5]\n",
            "FILE:3: is not a Kubernetes object, which has apiVersion, kind, metadata and spec",
        ),
        (
            "a: b\n  - c: d\n    e: f",
            "FILE:2: is not valid YAML: mapping values are not allowed in this context",
        ),
        ("a: [", "FILE:1: is not valid YAML: did not find expected node content"),
        ("a: 'b\n", "FILE:1: is not valid YAML: found unexpected end of stream"),
        (
            "a: \x1b[2J",
            r"FILE:1: is not valid YAML: it has the character U+001B, which YAML does not allow",
        ),
        (
            'a: "\\e[2J\\u202e": 1',
            "FILE:1: is not valid YAML: mapping values are not allowed in this context",
        ),
        (
            "spec:\n\tcontainers:\n",
            (
                "FILE:2: is not valid YAML: found character that cannot start any token; line 2 is"
                " indented with a tab; use spaces"
            ),
        ),
        (
            "metadata:\n  name: {{ .Values.name }}\n",
            (
                "FILE:2: has a key that is not a string; line 2: {{ .Values.name }} is part of a template;"
                " fill it in first, for example with helm template"
            ),
        ),
        (
            "limits:\n  a: ${A: 1}\n",
            (
                "FILE:2: is not valid YAML: mapping values are not allowed in this context; line 2: ${A: 1}"
                " is a variable; fill it in first, with envsubst, kubectl kustomize or oc process"
            ),
        ),
        (
            "limits:\n  nvidia.com/gpu: 1 memory: 4Gi\n",
            (
                "FILE:2: is not valid YAML: mapping values are not allowed in this context; line 2 has two"
                " keys, nvidia.com/gpu and memory; put each in a line of its own"
            ),
        ),
        (
            "resources:\n  - limits: nvidia.com/gpu: 1\n",
            (
                "FILE:2: is not valid YAML: mapping values are not allowed in this context; line 2 has two"
                " keys, limits and nvidia.com/gpu; put each in a line of its own"
            ),
        ),
        (
            "$ cat << EOF | kubectl create -f -\napiVersion: v1\n",
            (
                "FILE:2: is not valid YAML: mapping values are not allowed in this context; line 1 is"
                " for a shell; remove it"
            ),
        ),
        (
            "kind: Pod\nEOF\n",
            "FILE:2: is not valid YAML: could not find expected ':'; line 2 is for a shell; remove it",
        ),
        (
            "containers:\n- name: a\n\n     image: b\n",
            (
                "FILE:4: is not valid YAML: mapping values are not allowed in this context; image:"
                " probably belongs beside name: in line 2; indent it by 2, not 5"
            ),
        ),
    ],
)
def test_illegal_files(file: Path, text: str | bytes, message: str) -> None:
    assert refuse(file, text) == message


@pytest.mark.parametrize("name", ["vectoradd.yaml", "argo-vector-add.yaml"])
def test_a_file_that_lost_its_indentation(name: str) -> None:
    with pytest.raises(DocumentError) as refused:
        read(PRINTED / name)
    assert str(refused.value) == (
        f"{PRINTED / name}:9: is not valid YAML: mapping values are not allowed in this context;"
        " metadata: in line 3: nothing is indented below it; the file has probably lost its indentation"
    )


def test_anchors_of_anchors(file: Path) -> None:
    layers = "".join(
        f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 9)
    )
    assert refuse(file, f"kind: Pod\na0: &a0 [1]\n{layers}") == (
        "FILE:8: is too large: it uses its anchors again and again"
    )
    assert titles(file, "apiVersion: v1\nkind: Pod\na: &a [1]\nb: *a\n") == [("v1 Pod", 1)]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"gone\.yaml: cannot be read: No such file or directory"):
        read(tmp_path / "gone.yaml")
    with pytest.raises(DocumentError, match="cannot be read: Is a directory"):
        read(tmp_path)
    with pytest.raises(DocumentError) as refused:
        read("\x1b[2J")
    hint = "for a pod of the cluster run kubectl get pod NAME -o yaml | gfd match -"
    assert str(refused.value) == rf"\x1b[2J: cannot be read: No such file or directory; {hint}"
