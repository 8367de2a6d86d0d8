"""Claims of pods and containers that the API server refuses, and some that it accepts.

What gfd says about the first is in ``tests/tools/golden/match-refused-pod-claims.txt``. tests/cluster asks a
real API server about all of them.
"""

from __future__ import annotations

from typing import Any

from tests.tools.match.podspec.refusals import Object

GPU = {"name": "gpu", "resourceClaimTemplateName": "one-gpu"}


def pod_claims(*claims: Any) -> Object:
    return {"resourceClaims": list(claims)}


def used(*claims: Any, init: bool = False) -> Object:
    container = {"name": "c", "image": "i", "resources": {"claims": list(claims)}}
    if init:
        return {"resourceClaims": [GPU], "initContainers": [{**container, "name": "i"}]}
    return {"resourceClaims": [GPU], "containers": [container]}


REFUSED: list[Object] = [
    pod_claims({"resourceClaimTemplateName": "a"}),
    pod_claims({"name": "", "resourceClaimTemplateName": "a"}),
    pod_claims({"name": "a.b", "resourceClaimTemplateName": "a"}),
    pod_claims({"name": "A", "resourceClaimTemplateName": "a"}),
    pod_claims({"name": "x" * 64, "resourceClaimTemplateName": "a"}),
    pod_claims({"name": 5, "resourceClaimTemplateName": "a"}),
    pod_claims(GPU, GPU),
    pod_claims({"name": "gpu"}),
    pod_claims({**GPU, "resourceClaimName": "a"}),
    pod_claims({"name": "gpu", "resourceClaimName": ""}),
    pod_claims({"name": "gpu", "resourceClaimName": "A"}),
    pod_claims({"name": "gpu", "resourceClaimTemplateName": "a_b"}),
    pod_claims({**GPU, "source": {"resourceClaimName": "a"}}),
    {"resourceClaims": GPU},
    used({"name": "other"}),
    used({"name": ""}),
    used({"request": "gpu"}),
    used({"name": "gpu"}, {"name": "gpu"}),
    used({"name": "gpu"}, {"name": "gpu", "request": "a"}),
    used({"name": "gpu", "request": "a"}, {"name": "gpu"}),
    used({"name": "gpu", "request": "a"}, {"name": "gpu", "request": "a"}),
    used({"name": "gpu", "request": "A"}),
    used({"name": "gpu", "request": "a/b"}),
    used({"name": "gpu", "count": 1}),
    used({"name": "other"}, init=True),
    {"containers": [{"name": "c", "image": "i", "resources": {"claims": [{"name": "gpu"}]}}]},
]

ACCEPTED: list[Object] = [
    {"resourceClaims": None},
    pod_claims(),
    pod_claims(GPU),
    pod_claims({"name": "gpu", "resourceClaimName": "a.b"}),
    pod_claims({**GPU, "resourceClaimName": None}),
    pod_claims(GPU, {"name": "x" * 63, "resourceClaimName": "a"}),
    used({"name": "gpu"}),
    used({"name": "gpu", "request": ""}),
    used({"name": "gpu", "request": "a"}, {"name": "gpu", "request": "b"}),
    used({"name": "gpu"}, init=True),
]
