"""A real API server refuses the claims, templates, classes and pods that gfd match refuses, and no others."""

from __future__ import annotations

import pytest

from gfd.errors import ApiError
from tests.cluster.controlplane import ControlPlane
from tests.cluster.dra import DRA
from tests.cluster.objects import Object
from tests.cluster.scheduling import ask
from tests.tools.match.dra import refusals
from tests.tools.match.podspec import claim_refusals
from tests.tools.match.podspec.refusals import make_pod

pytestmark = pytest.mark.cluster

REFUSALS = (400, 422)
PATHS = {
    "ResourceClaimTemplate": f"{DRA}/namespaces/default/resourceclaimtemplates",
    "DeviceClass": f"{DRA}/deviceclasses",
}


def refuse(plane: ControlPlane, claimed: Object) -> str:
    """Return why the API server refuses an object; empty if it accepts the object."""
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        plane.admin.request("POST", PATHS[claimed["kind"]], claimed, query=query)
    except ApiError as error:
        if error.status in REFUSALS:
            return str(error)
        raise
    return ""


def test_refused_objects(scheduled: ControlPlane) -> None:
    assert [each for each in refusals.REFUSED if not refuse(scheduled, each)] == []


def test_accepted_objects(scheduled: ControlPlane) -> None:
    assert [said for each in refusals.ACCEPTED if (said := refuse(scheduled, each))] == []


def test_refused_pods(scheduled: ControlPlane) -> None:
    pods = map(make_pod, claim_refusals.REFUSED)
    assert [pod["spec"] for pod in pods if not ask(scheduled.admin, pod, *REFUSALS)] == []


def test_accepted_pods(scheduled: ControlPlane) -> None:
    pods = map(make_pod, claim_refusals.ACCEPTED)
    assert [said for pod in pods if (said := ask(scheduled.admin, pod, *REFUSALS))] == []
