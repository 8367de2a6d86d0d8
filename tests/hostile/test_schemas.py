"""What passes a schema can be read without an error."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gfd.errors import ApiError, GfdError
from gfd.kube import objects
from gfd.kube.field_managers import applied_by, conflicts, held_by_nfd, holders
from gfd.kube.responses import parse, parse_event, parse_status_error
from gfd.kube.schema import Schema
from gfd.publishing.sinks.metadata_drift import detect_node_drift, detect_node_feature_drift
from gfd.tools.doctor.outcome import catch_error
from tests.hostile.json_values import KNOWN

WITH_METADATA = {"OBJECT", "RESPONSE", "NODE_FEATURE", "POD", "POLICY", "POLICY_BINDING"}
"""The schemas that check all metadata."""
SCHEMAS = {name: schema for name, schema in vars(objects).items() if name.isupper() and callable(schema)}


@given(KNOWN, st.sampled_from(sorted(SCHEMAS)))
def test_what_matches_a_schema_can_be_read(content: Any, name: str) -> None:
    schema: Schema = SCHEMAS[name]
    found = catch_error(lambda: parse(json.dumps(content).encode(), schema, "GET /x"))
    if isinstance(found, GfdError):
        assert isinstance(found, ApiError)
        return
    metadata = {}
    if name in {"OPTIONAL_METADATA", "METADATA"}:
        metadata = found
    elif name in WITH_METADATA:
        metadata = found.get("metadata") or {}
    applied_by(metadata, "gfd")
    detect_node_drift(metadata, metadata, {"labels": {"a/b": "c"}})
    detect_node_feature_drift(metadata, metadata)
    holders(metadata)
    held_by_nfd(metadata)
    if name == "STATUS":
        conflicts(found.get("details") or {})


@given(KNOWN, st.integers(400, 599), st.text())
def test_status_errors_of_any_content(content: Any, code: int, after: str) -> None:
    error = parse_status_error(json.dumps(content).encode(), "GET /x", code, "Reason", after)
    assert error.status == code
    conflicts(error.details)
    assert len(error.kind) <= 41


@given(st.binary())
def test_random_bytes(data: bytes) -> None:
    found = catch_error(lambda: parse(data, objects.OBJECT, "GET /x"))
    assert isinstance(found, ApiError)
    assert parse_status_error(data, "GET /x", 500, "Sorry", "").kind == "500"


@given(KNOWN)
def test_events_of_any_content(content: Any) -> None:
    shapes = objects.events_of(objects.OBJECT)
    found = catch_error(lambda: parse_event(json.dumps(content).encode(), shapes, "GET /x"))
    if isinstance(found, dict):
        assert found["object"]["metadata"]["resourceVersion"]
    else:
        assert isinstance(found, ApiError)
