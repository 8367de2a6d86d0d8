"""What the accessors of a value return and refuse."""

from __future__ import annotations

import pytest

from gfd.documents.reader import read
from gfd.documents.value import Value
from gfd.errors import DocumentError

TEXT = """\
name: 11.2
gpus:
- {model: a, count: 2, on: true}
- {limits: {nvidia.com/gpu: -1}}
none:
"""


@pytest.fixture
def document() -> Value:
    return read(TEXT, "x.yaml")


def test_a_value_knows_its_path(document: Value) -> None:
    first, second = document.field("gpus").items()
    assert (first.field("model").text(), first.field("model").path) == ("a", "gpus[0].model")
    assert (first.field("count").integer(), first.field("true").boolean()) == (2, True)
    limits = second.field("limits").mapping()
    assert {key: (value.path, value.line) for key, value in limits.items()} == {
        "nvidia.com/gpu": ("gpus[1].limits[nvidia.com/gpu]", 4)
    }
    assert str(limits["nvidia.com/gpu"].error("is wrong")) == (
        "x.yaml:4: gpus[1].limits[nvidia.com/gpu]: is wrong"
    )
    assert str(document.error("is wrong")) == "x.yaml:1: is wrong"


def test_a_value_that_is_absent_or_null(document: Value) -> None:
    assert document.member("none") is None
    assert document.member("other") is None
    assert document.field("gpus").member("a") is None
    found = document.member("name")
    assert found is not None
    assert found.path == "name"
    other = document.field("other")
    assert (other.content, other.line, other.path) == (None, 1, "other")
    assert document.field("none").mapping() == {}


def test_only_known_keys(document: Value) -> None:
    assert document.only("name", "gpus", "none") is document
    with pytest.raises(DocumentError) as caught:
        document.only("names", "gpus", "none")
    assert str(caught.value) == (
        "x.yaml:1: name: unknown key; did you mean names? known are names, gpus, none"
    )
    with pytest.raises(DocumentError, match="unknown key; none are known"):
        document.only()


@pytest.mark.parametrize(
    ("key", "method", "reason"),
    [
        ("name", "text", "name: expected a string, found the number 11.2; put it in quotes"),
        ("gpus", "text", "gpus: expected a string, found a list"),
        ("name", "integer", "name: expected a whole number of at least 0, found the number 11.2"),
        ("none", "integer", "none: expected a whole number of at least 0, found nothing"),
        ("name", "boolean", "name: expected true or false, found the number 11.2"),
        ("name", "items", "name: expected a list, found the number 11.2"),
        ("none", "items", "none: expected a list, found nothing"),
        ("gpus", "mapping", "gpus: expected a mapping, found a list"),
    ],
)
def test_a_value_of_another_type(document: Value, key: str, method: str, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        getattr(document.field(key), method)()
    assert str(caught.value).partition(" ")[2] == reason


def test_integers_have_a_range() -> None:
    value = read(f"[-1, true, {2**63}]", "x")
    for item in value.items():
        with pytest.raises(DocumentError, match="expected a whole number of at least 0, found"):
            item.integer()
    assert value.items()[0].integer(-1) == -1


def test_values_of_one_anchor_are_one_object() -> None:
    plain = read("a: &x {k: [1]}\nb: *x\n", "x").plain()
    assert plain == {"a": {"k": [1]}, "b": {"k": [1]}}
    assert plain["a"] is plain["b"]
