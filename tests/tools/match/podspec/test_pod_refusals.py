"""gfd refuses the host ports, affinity, spread and priority that the API server refuses.

tests/cluster/test_match_neighbours.py asks the server.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools import goldens
from tests.tools.match.podspec.pod_refusals import ACCEPTED, REFUSED, WEB, expression, spread, term
from tests.tools.match.podspec.refusals import Object, make_pod
from tests.tools.match.podspec.test_refusals import refuse
from tests.tools.match.reading import read_pods


def test_refused(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rows = [f"{json.dumps(patch)}\n    {refuse(tmp_path / 'pod.json', patch)}\n" for patch in REFUSED]
    goldens.check(request, "match-refused-pods", "".join(rows))


@pytest.mark.parametrize("patch", ACCEPTED)
def test_accepted(tmp_path: Path, patch: Object) -> None:
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(make_pod(patch)))
    assert len(read_pods([str(file)])) == 1


def test_a_key_in_the_selector_and_in_match_label_keys(tmp_path: Path) -> None:
    file = tmp_path / "pod.json"
    for patch in (
        term(matchLabelKeys=["app"]),
        term(matchLabelKeys=["a", "a"]),
        spread(matchLabelKeys=["app"], labelSelector=WEB),
        spread(
            matchLabelKeys=["a"],
            labelSelector={"matchExpressions": [{"key": "a", "operator": "Exists"}]},
        ),
    ):
        assert "in labelSelector, too, or is there twice; remove one of them" in refuse(file, patch)


def test_a_pod_of_the_cluster_has_the_keys_in_its_selector(tmp_path: Path) -> None:
    file = tmp_path / "pod.json"
    patch = expression(key="app", operator="In", values=["web"])
    patch["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0] |= {
        "matchLabelKeys": ["app"]
    }
    file.write_text(json.dumps(make_pod(patch)))
    (pod,) = read_pods([str(file)])
    assert [str(each) for each in pod.spec.pod_affinity] == ["a pod with app=web in the same zone"]
