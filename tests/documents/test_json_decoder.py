"""Decode JSON with msgspec and without it."""

from __future__ import annotations

import json
from typing import Any, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.documents import json_decoder


class Inner(TypedDict, total=False):
    name: Any


class Outer(TypedDict, total=False):
    inner: Inner | None
    items: list[Inner] | None


@pytest.fixture(params=["msgspec", "json"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "json":
        monkeypatch.setattr(json_decoder, "_import_msgspec", lambda: None)
    return str(request.param)


def test_other_fields_are_skipped(module: str) -> None:
    data = b'{"inner": {"name": 1, "other": [1]}, "items": [{"name": null, "x": 2}], "rest": {}}'
    found = json_decoder.decode(data, Outer)
    expected = {"inner": {"name": 1}, "items": [{"name": None}]}
    assert found == (expected if module == "msgspec" else json.loads(data))
    assert json_decoder.decode(data) == json.loads(data)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    "value",
    [[], None, 1, "text", {"inner": 1}, {"items": {}}, {"items": [None]}, {"items": [[]]}, {"inner": []}],
)
def test_other_types_are_kept(value: Any) -> None:
    assert json_decoder.decode(json.dumps(value).encode(), Outer) == value


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"inner": {"name": 1},\n"items"', json.JSONDecodeError),
        (b"\xff\xff\xff", UnicodeDecodeError),
        (b"", json.JSONDecodeError),
        (b"[" * 100_000, RecursionError),
    ],
)
def test_errors_are_those_of_json(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        json_decoder.decode(data, Outer)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    found = json_decoder.decode('{"inner": {"name": "größe"}}'.encode(encoding), Outer)
    assert found == {"inner": {"name": "größe"}}


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("text", ['"\\ud800"', "NaN", "123456789012345678901234567890", "1e400", "-0"])
def test_odd_values_are_read_as_by_json(text: str) -> None:
    found = json_decoder.decode(f'{{"inner": {{"name": {text}}}}}'.encode(), Outer)["inner"]["name"]
    assert repr(found) == repr(json.loads(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_of_a_field(value: Any) -> None:
    data = json.dumps({"inner": {"name": value}}).encode()
    assert json_decoder.decode(data, Outer) == {"inner": {"name": value}}
