"""YAML and JSON become values that know their places."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from gfd.documents import reader
from gfd.documents.plain import read_plain
from gfd.documents.reader import read, read_all
from gfd.documents.value import Value
from gfd.errors import DocumentError

BILLION_LAUGHS = "a0: &a0 [1]\n" + "".join(
    f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 50)
)
MERGES_OF_MERGES = "a0: &a0 {k0: 0}\n" + "".join(
    f"a{i}: &a{i} {{<<: *a{i - 1}, k{i}: 0}}\n" for i in range(1, 10_000)
)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: [", 1, "is not valid YAML: did not find expected node content"),
        ("a: 1\nb: [\n", 2, "is not valid YAML: did not find expected node content"),
        ("a: 1\nb:\n\tc: 1\n", 3, "is not valid YAML: found character that cannot start any token"),
        ("a: 1\n b: 2\n", 2, "is not valid YAML: mapping values are not allowed in this context"),
        (
            "a: 1\nb: \xc4\x02\n",
            2,
            "is not valid YAML: it has the character U+0002, which YAML does not allow",
        ),
        ("\x00", 1, "is not valid YAML: it has the character U+0000, which YAML does not allow"),
        ("a: 1\nb: *x\n", 2, "uses *x, but &x is not above it"),
        ("a: &a [*a]", 1, "has an anchor that contains itself: a"),
        ("a: 1\n~: 2", 2, "has a key that is not a string"),
        ("[1]: 2", 1, "has a key that is not a string"),
        ("a: &a [1]\n*a : 2", 2, "has a key that is not a string"),
        ("a: .nan", 1, "has a number that JSON cannot hold: .nan"),
        ("<<: 5", 1, "merges (<<) a value that is not a mapping"),
        ("<<: [{}, 5]", 1, "merges (<<) a value that is not a mapping"),
        ("a: !!int word", 1, "has a value that does not fit its tag: 'word'"),
        ("a: !!binary '*'", 1, "has a !!binary value that is not base64"),
        ("a:\n  " + "[" * 200, 2, "is nested too deeply"),
        (BILLION_LAUGHS, 13, "is too large: it uses its anchors again and again"),
        (MERGES_OF_MERGES, 1001, "is too large: it uses its anchors again and again"),
    ],
)
def test_errors_have_a_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(text, "x.yaml")
    assert (caught.value.source, caught.value.line, caught.value.reason) == ("x.yaml", line, reason)


def test_bytes_that_are_not_utf_8() -> None:
    with pytest.raises(DocumentError) as caught:
        read(b"a: 1\nb: \xff\n", "x")
    assert str(caught.value) == "x:2: is not valid YAML: it is not text in UTF-8"
    with pytest.raises(DocumentError, match="it is not text in UTF-8"):
        read("a: \ud800", "x")


def test_an_error_of_the_parser_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    class Parser:
        def __init__(self, _data: object) -> None:
            raise yaml.MarkedYAMLError(problem="something")

    monkeypatch.setattr(reader, "_Parser", Parser)
    with pytest.raises(DocumentError, match="x:1: is not valid YAML: something"):
        read(b"", "x")


@pytest.mark.parametrize("parser", [reader._Parser, yaml.SafeLoader])
def test_both_parsers_build_the_same_values(parser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_Parser", parser)
    value = read(b"a:\n  - 1\n  - &x {k: 'on'}\nb:\n  on\nc: *x\n", "x")
    assert value.plain() == {"a": [1, {"k": "on"}], "b": True, "c": {"k": "on"}}
    assert [item.line for item in value.field("a").items()] == [2, 3]
    assert value.field("b").line == 4
    for text, line in (("a: 1\nb: [\n", 2), ("a: \x02", 1)):
        with pytest.raises(DocumentError) as caught:
            read(text, "x")
        assert caught.value.line == line


def test_an_alias_can_be_a_key() -> None:
    assert read("a: &x n\n*x : 1\n", "x").plain() == {"a": False, "false": 1}


def test_documents_are_read_one_by_one() -> None:
    documents = read_all(b"a: 1\n---\n---\nb: 2\n...\n---\n[\n", "x")
    first = next(documents)
    assert (first.line, first.plain()) == (1, {"a": 1})
    assert next(documents).content is None
    third = next(documents)
    assert (third.line, third.plain()) == (4, {"b": 2})
    with pytest.raises(DocumentError, match=r"^x:7: "):
        next(documents)
    assert list(read_all("# nothing\n", "x")) == []
    assert read("", "x") == Value(source="x", line=1, content=None)


def test_lines_can_be_those_of_another_file() -> None:
    def find_line(line: int) -> int:
        return line + 100

    assert read("a: 1\n", "x", find_line).field("a").line == 101
    with pytest.raises(DocumentError, match=r"^x:102: "):
        read("a:\n  [\n", "x", find_line)


def test_plain_documents() -> None:
    assert read_plain('{"a": "\\ud83d\\ude00"}', "x") == [{"a": "\N{GRINNING FACE}"}]
    assert read_plain(b"\xef\xbb\xbf[1]", "x") == [[1]]
    assert read_plain("a: &x [1]\nb: *x\n---\n2\n", "x") == [{"a": [1], "b": [1]}, 2]
    assert read_plain("", "x") == []
    with pytest.raises(DocumentError, match="x:2: is not valid JSON: Expecting ':' delimiter"):
        read_plain('{"a": 1,\n"b"', "x")
    with pytest.raises(DocumentError, match="x:1: is not valid YAML: mapping values"):
        read_plain("a: b: c", "x")


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        ("\\ud83d\\ude00", "\N{GRINNING FACE}"),
        ("\\\\\\uD83D\\uDE00\\ud83d\\ude00", "\\\N{GRINNING FACE}\N{GRINNING FACE}"),
        ("\\\\ud83d\\\\ude00", "\\ud83d\\ude00"),
    ],
)
def test_json_escapes_a_character_as_two(escaped: str, text: str) -> None:
    assert read(f' {{"a": "{escaped}"}}', "x").plain() == {"a": text} == json.loads(f'{{"a": "{escaped}"}}')
