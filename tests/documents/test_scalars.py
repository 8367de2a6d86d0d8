"""Scalars are read as Go's yaml.v2 reads them."""

from __future__ import annotations

import pytest

from gfd.documents.reader import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True),
        ("On", True),
        ("NO", False),
        ("off", False),
        ("yEs", "yEs"),
        ("~", None),
        ("", None),
        ("Null", None),
        ("5", 5),
        ("+5", 5),
        ("-5", -5),
        ("1_000", 1000),
        ("010", 8),
        ("0o10", 8),
        ("08", 8),
        ("0x1F", 31),
        ("-0b11", -3),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2**64),
        ("2.0", 2),
        ("2.5", 2.5),
        (".5", 0.5),
        ("1e3", 1000),
        ("1e21", 1e21),
        ("1e400", "1e400"),
        (".e", ".e"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("0x", "0x"),
        ("=", "="),
        ("word", "word"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5),
        ("!!bool yes", True),
        ("!!null ''", None),
        ("!mine 5", "5"),
        ("!!binary aGk=", "hi"),
        ("|\n  a\n  b", "a\nb\n"),
        ("[1, [a]]", [1, ["a"]]),
        ("[1,\t2\t, # c\n\t3]", [1, 2, 3]),
        ("{1: a, true: b, 1.5: c, x: d}", {"1": "a", "true": "b", "1.5": "c", "x": "d"}),
        ("{a: 1, a: 2}", {"a": 2}),
        ("{<<: {a: 1, b: 2}, a: 3}", {"a": 3, "b": 2}),
        ("{a: 3, <<: {a: 1}}", {"a": 1}),
        ("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}),
        ('{"<<": 1}', {"<<": 1}),
        ("[&x [1], *x]", [[1], [1]]),
    ],
)
def test_scalars_are_read_as_yaml_v2_reads_them(text: str, value: object) -> None:
    found = read(f"key: {text}\n", "x").plain()
    assert found == {"key": value}
    assert type(found["key"]) is type(value)
