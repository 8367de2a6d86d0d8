"""gfd refuses what the API server refuses, in its words; tests/cluster/test_match.py asks the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gfd.advice.match.podfiles import read_files
from gfd.errors import DocumentError
from tests.advice.match.refusals import ACCEPTED, REFUSALS, Object, make_pod


@pytest.mark.parametrize(("patch", "said"), REFUSALS)
def test_refused(tmp_path: Path, patch: Object, said: str) -> None:
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(make_pod(patch)))
    with pytest.raises(DocumentError) as refused:
        read_files([str(file)])
    assert refused.value.reason.startswith(f"Kubernetes would refuse it: {said}")
    assert refused.value.reason.removeprefix(f"Kubernetes would refuse it: {said}")[:1] in ("", ";", ",")


@pytest.mark.parametrize("patch", ACCEPTED)
def test_accepted(tmp_path: Path, patch: Object) -> None:
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(make_pod(patch)))
    assert len(read_files([str(file)])) == 1
