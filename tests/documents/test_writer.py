from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gfd.documents.reader import read
from gfd.documents.writer import write


@pytest.mark.parametrize("text", ["y", "on", "1e3", "010", "0o10", "1:30", "2020-01-01", "~", "", "5", ".5"])
def test_a_string_that_looks_like_something_else_is_in_quotes(text: str) -> None:
    assert write({"a": text}) == f"a: '{text}'\n"


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_every_string_is_read_back(text: str) -> None:
    written = write([text])
    assert read(written, "x").plain() == [text]
    assert yaml.safe_load(written) == [text]


@given(st.text(alphabet=" \n\ta#-:|'\x85\u2028\ufeff"))
def test_every_text_with_several_lines_is_read_back(text: str) -> None:
    written = write({"a": [text]}, width=1_000_000)
    assert read(written, "x").plain() == {"a": [text]}
    assert yaml.safe_load(written) == {"a": [text]}


def test_a_text_with_several_lines_is_a_block() -> None:
    assert write({"a": "x\ny\n", "b": "x\n  y"}) == "a: |\n  x\n  y\nb: |-\n  x\n    y\n"
