from __future__ import annotations

import pytest
import yaml

from gfd.documents import plainyaml
from gfd.documents.plainyaml import PlainYamlError, load, load_all

NESTED = "[" * 5000


def test_documents() -> None:
    assert list(load_all("a: 1\n---\n- b\n")) == [{"a": 1}, ["b"]]
    assert load("a: &x [1]\nb: *x\n---\n2\n") == {"a": [1], "b": [1]}
    assert load("") is None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: [", 3, "did not find expected node content"),
        ("a: &a {}\nb:\n  <<: *a\n", 3, "merges (<<) are not read"),
        ("a: !!python/object:x.y {}", 1, "could not determine a constructor for the tag"),
        ("\x00", 0, "unacceptable character #x0000"),
        ("a: 2026-13-45", 0, "month must be in 1..12"),
        ("a: 1\nb: " + "9" * 5000, 2, "a number is too large"),
        ("a: 0x" + "f" * 50, 1, "a number is too large"),
        ("a: !!bool 5", 0, "'5'"),
        ("a: !!timestamp x", 0, "'NoneType' object has no attribute"),
        (NESTED, 1, "exceeded maximum nesting depth"),
    ],
)
def test_what_is_refused(text: str, line: int, reason: str) -> None:
    with pytest.raises(PlainYamlError) as refused:
        load(text)
    assert refused.value.line == line
    assert str(refused.value).startswith(reason)


def test_nested_too_deeply_without_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plainyaml, "_Loader", yaml.SafeLoader)
    with pytest.raises(PlainYamlError, match=r"^it is nested too deeply$"):
        load(NESTED)
