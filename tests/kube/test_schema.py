from __future__ import annotations

from typing import Any

import pytest

from gfd.kube.schema import (
    Schema,
    SchemaError,
    any_value,
    array_of,
    boolean,
    map_of,
    non_negative,
    object_of,
    resource_version,
    string,
)

ALL = object_of(
    {
        "a": string,
        "b": boolean,
        "c": non_negative,
        "d": resource_version,
        "e": array_of(string),
        "f": map_of(string),
        "g": any_value,
    },
    "a",
)


@pytest.mark.parametrize(
    "value",
    [
        {"a": "ü"},
        {"a": "", "b": False, "c": 0, "d": "18446744073709551615", "e": [""], "f": {"": ""}, "g": [{}]},
        {"a": "x", "b": None, "c": None, "d": None, "e": None, "f": None, "unknown": 1},
        {"a": "", "d": "store-7/a"},
    ],
)
def test_matching_values(value: Any) -> None:
    ALL(value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "it is not an object"),
        ([], "it is not an object"),
        ({}, "a is missing"),
        ({"a": None}, "a is missing"),
        ({"a": 1}, "a is not a string"),
        ({"a": "\ud800"}, "a is not valid Unicode"),
        ({"a": "", "b": 1}, "b is neither true nor false"),
        ({"a": "", "c": True}, "c is not a whole number"),
        ({"a": "", "c": -1}, "c is not a whole number"),
        ({"a": "", "c": 1 << 63}, "c is not a whole number"),
        ({"a": "", "d": 1}, "d is not a resource version"),
        ({"a": "", "d": ""}, "d is not a resource version"),
        ({"a": "", "d": "a\nb"}, "d is not a resource version"),
        ({"a": "", "d": "x" * 1025}, "d is not a resource version"),
        ({"a": "", "e": {}}, "e is not a list"),
        ({"a": "", "e": ["", 1]}, "e[1] is not a string"),
        ({"a": "", "f": []}, "f is not an object"),
        ({"a": "", "f": {"x": 1}}, "f.x is not a string"),
    ],
)
def test_values_that_do_not_match(value: Any, problem: str) -> None:
    with pytest.raises(SchemaError) as caught:
        ALL(value)
    assert str(caught.value) == problem


def test_path_in_the_message() -> None:
    shape: Schema = array_of(object_of({"x": map_of(array_of(string))}))
    with pytest.raises(SchemaError, match=r"^\[0\]\.x\.y\[2\] is not a string$"):
        shape([{"x": {"y": ["", "", 0]}}])
