from __future__ import annotations

from typing import Any

from gfd.errors import ApiError
from gfd.kube.api_errors import to_publish_error
from gfd.kube.field_managers import NFD_ANNOTATION, applied_by, conflicts, held_by_nfd, holders
from gfd.kube.responses import status_error
from gfd.labels.syntax import differ


def entry(manager: str, operation: str, *keys: str, kind: str = "labels", **more: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"f:metadata": {f"f:{kind}": {".": {}, **{f"f:{key}": {} for key in keys}}}}
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def test_applied_keys() -> None:
    metadata = {
        "managedFields": [
            entry("gfd", "Update", "a"),
            entry("gfd", "Apply", "s", subresource="status"),
            entry("other", "Apply", "b"),
            entry("gfd", "Apply", "c", "d/e"),
        ]
    }
    assert applied_by(metadata, "gfd") == {"c", "d/e"}
    assert applied_by(metadata, "gfd", "annotations") == set()
    assert applied_by(metadata, "nobody") == set()
    assert applied_by({}, "gfd") == set()


def test_keys_held_by_nfd() -> None:
    metadata = {
        "annotations": {NFD_ANNOTATION: "cpu-model,nvidia.com/gpu.count"},
        "managedFields": [entry("nfd-master", "Update", "nvidia.com/gpu.product")],
    }
    assert held_by_nfd(metadata) == {
        "feature.node.kubernetes.io/cpu-model",
        "nvidia.com/gpu.count",
        "nvidia.com/gpu.product",
    }
    assert held_by_nfd({"annotations": {NFD_ANNOTATION: ""}}) == set()


def test_holders_of_keys() -> None:
    metadata = {
        "annotations": {NFD_ANNOTATION: "nvidia.com/a"},
        "managedFields": [
            entry("gfd", "Apply", "nvidia.com/a", "nvidia.com/b"),
            entry("admin", "Update", "nvidia.com/b"),
            entry("admin", "Update", "nvidia.com/b", subresource="status"),
            entry("kubelet", "Update", "c", kind="annotations"),
        ],
    }
    assert holders(metadata) == {"nvidia.com/a": ("gfd", "nfd-master"), "nvidia.com/b": ("admin", "gfd")}
    assert holders(metadata, "annotations") == {"c": ("kubelet",)}
    assert holders({}) == {}


def test_conflicts_of_an_apply() -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-label" using v1'}
    details = {
        "causes": [
            cause | {"field": ".metadata.labels.nvidia.com/gpu.count"},
            cause | {"field": ".metadata.annotations.x", "message": "conflict"},
            cause | {"field": ".spec.taints"},
            {"reason": "Other", "field": ".metadata.labels.y"},
        ]
    }
    assert conflicts(details) == {"nvidia.com/gpu.count": "kubectl-label", "x": "another manager"}
    assert conflicts({}) == {}


def test_status_error() -> None:
    status = {"message": "no", "reason": "Busy", "code": 429, "details": {"retryAfterSeconds": 3}}
    error = status_error("PATCH /x", status)
    assert (str(error), error.kind, error.status, error.verb) == ("no", "Busy", 429, "patch")
    assert error.retry_after_s == 3
    assert status_error("GET /x", status, "7").retry_after_s == 7
    assert status_error("GET /x", status, "Tue, 24 Nov 2026 10:00:00 GMT").retry_after_s is None
    bare = status_error("GET /x", {})
    assert (str(bare), bare.kind, bare.status) == ("GET /x: 500", "500", 500)


def test_advice_in_publish_errors() -> None:
    def said(status: int, message: str) -> str:
        error = ApiError(message, kind="Forbidden", status=status, verb="patch", retry_after_s=2)
        explained = to_publish_error("node", "nodes/n", error, grant="manifests/x")
        assert (explained.kind, explained.retry_after_s, explained.retryable) == ("Forbidden", 2, True)
        return str(explained)

    assert said(403, "no") == "sink node: nodes/n: no; the verb patch is granted by manifests/x"
    assert said(403, "ValidatingAdmissionPolicy 'p' denied").endswith(
        "denied; install the policy and gfd with the same chart values"
    )
    assert said(401, "Unauthorized").endswith(
        "; the API server rejects the token, even after reading it again; check the service account"
    )
    assert said(403, 'User "system:anonymous" cannot get resource "nodes"').endswith(
        '"nodes"; gfd found no credentials, even after reading them again; is the token file empty?'
    )
    assert said(500, "oops") == "sink node: nodes/n: oops"


def test_timestamp_alone_is_no_difference() -> None:
    stamped = {"nvidia.com/gfd.timestamp": "1", "a": "b"}
    assert not differ(stamped, stamped | {"nvidia.com/gfd.timestamp": "2"})
    assert differ(stamped, {"a": "b"})
    assert differ({"a": "b"}, stamped)
    assert differ(stamped, stamped | {"a": "c"})
