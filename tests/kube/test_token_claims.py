from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from gfd.kube.token_claims import read_pod_variables

IN_A_POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
BOUND = {"namespace": "gfd", "node": {"name": "n1", "uid": "1"}, "pod": {"name": "gfd-x7k2p", "uid": "2"}}


def write(folder: Path, payload: object) -> Path:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({}, payload, "s")]
    (folder / "token").write_bytes(b".".join(parts) + b"\n")
    return folder / "token"


def test_token_bound_to_a_pod(tmp_path: Path) -> None:
    file = write(tmp_path, {"kubernetes.io": BOUND})
    found = {"NODE_NAME": "n1", "NAMESPACE": "gfd", "POD_NAME": "gfd-x7k2p"}
    assert read_pod_variables(IN_A_POD, file) == found
    assert read_pod_variables(IN_A_POD | {"NODE_NAME": "n2", "POD_NAME": ""}, file) == {
        "NAMESPACE": "gfd",
        "POD_NAME": "gfd-x7k2p",
    }
    assert read_pod_variables({}, file) == {}, "this is no pod"


@pytest.mark.parametrize(
    "payload",
    [
        *(None, [], "text", 7, {}, {"kubernetes.io": None}, {"kubernetes.io": [BOUND]}),
        {"kubernetes.io": {"namespace": 7, "node": "n1", "pod": {"name": None}}},
    ],
)
def test_malformed_claims(payload: object, tmp_path: Path) -> None:
    assert read_pod_variables(IN_A_POD, write(tmp_path, payload)) == {}


NESTED = b"a." + b"W1tb" * 9000 + b".c"
"""``[[[[`` and so on."""


@pytest.mark.parametrize("content", [b"", b"opaque", b"a.!!.c", b"a.\xff\xfe.c", NESTED])
def test_malformed_tokens(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)
    assert read_pod_variables(IN_A_POD, tmp_path / "token") == {}
    assert read_pod_variables(IN_A_POD, tmp_path / "gone") == {}


def test_token_without_a_node(tmp_path: Path) -> None:
    file = write(tmp_path, {"kubernetes.io": {"namespace": "gfd", "pod": {"name": "gfd-x7k2p"}}})
    assert read_pod_variables(IN_A_POD, file) == {"NAMESPACE": "gfd", "POD_NAME": "gfd-x7k2p"}
