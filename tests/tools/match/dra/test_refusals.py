"""gfd refuses the claims, templates and classes that the API server refuses.

tests/cluster/test_match_claims.py asks the server.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gfd.errors import DocumentError
from gfd.tools.match.manifests.objects import read_file
from gfd.tools.match.workloads.reader import join_claim_objects, read_workloads
from tests.tools import goldens
from tests.tools.match.dra.refusals import ACCEPTED, REFUSED, template
from tests.tools.match.podspec import claim_refusals
from tests.tools.match.podspec.refusals import Object, make_pod
from tests.tools.match.podspec.test_refusals import refuse as refuse_pod
from tests.tools.match.reading import read_pods

POD = make_pod({})


def write(file: Path, *objects: Object) -> str:
    file.write_text("\n---\n".join(map(json.dumps, objects)))
    return str(file)


def refuse(file: Path, claimed: Object) -> str:
    with pytest.raises(DocumentError) as refused:
        read_pods([write(file, claimed, POD)])
    return str(refused.value).removeprefix(f"{file}:1: ")


def shorten(patch: Object) -> str:
    text = json.dumps(patch)
    return text if len(text) < 400 else f"{text[:200]} … {text[-100:]}"


def test_refused_objects(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rows = [f"{shorten(each)}\n    {refuse(tmp_path / 'pod.json', each)}\n" for each in REFUSED]
    goldens.check(request, "match-refused-claims", "".join(rows))


@pytest.mark.parametrize("claimed", ACCEPTED)
def test_accepted_objects(tmp_path: Path, claimed: Object) -> None:
    found = read_workloads([read_file(write(tmp_path / "pod.json", claimed, POD))])
    assert join_claim_objects(found) is not None


def test_refused_pods(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rows = [
        f"{json.dumps(patch)}\n    {refuse_pod(tmp_path / 'pod.json', patch)}\n"
        for patch in claim_refusals.REFUSED
    ]
    goldens.check(request, "match-refused-pod-claims", "".join(rows))


@pytest.mark.parametrize("patch", claim_refusals.ACCEPTED)
def test_accepted_pods(tmp_path: Path, patch: Object) -> None:
    assert len(read_pods([write(tmp_path / "pod.json", make_pod(patch))])) == 1


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        ("v1beta2", ""),
        ("v1beta1", ", and put all fields of each request but its name under exactly"),
        ("v1alpha3", ", and put all fields of each request but its name under exactly"),
    ],
)
def test_older_versions(tmp_path: Path, version: str, advice: str) -> None:
    old = {**template(), "apiVersion": f"resource.k8s.io/{version}"}
    assert refuse(tmp_path / "pod.json", old) == (
        "apiVersion: gfd reads resource.k8s.io/v1 only; write apiVersion: resource.k8s.io/v1" + advice
    )


def test_two_objects_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"ResourceClaimTemplate t is already in .*; choose another name"):
        read_pods([write(tmp_path / "pod.json", template(), template(), POD)])


def test_other_objects_of_the_api_group_are_skipped(tmp_path: Path) -> None:
    rule = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceTaintRule", "metadata": {"name": "a"}}
    found = read_workloads([read_file(write(tmp_path / "pod.json", rule, POD))])
    assert join_claim_objects(found) is None
