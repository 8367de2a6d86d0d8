from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.kube.versions import VersionHistory, is_before


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("9", "10", True),
        ("10", "9", False),
        ("10", "10", False),
        ("9", "18446744073709551616", True),
        ("a", "a", False),
        ("a", "b", None),
        ("b", "a", None),
        ("9", "b", None),
        ("-1", "1", None),
        ("", "1", None),
    ],
)
def test_order(one: str, other: str, expected: bool | None) -> None:
    assert is_before(one, other) is expected


def test_numbers() -> None:
    history = VersionHistory()
    assert not history.has_passed("1")
    history.add("9")
    history.add("12")
    assert history.has_passed("9")
    assert history.has_passed("11"), "gfd never saw it, but it is older"
    assert not history.has_passed("12")
    assert not history.has_passed("100")


def test_texts_without_an_order() -> None:
    history = VersionHistory()
    history.add("b")
    history.add("a")
    assert history.has_passed("b")
    assert not history.has_passed("a")
    assert not history.has_passed("c")
    history.add("12")
    assert history.has_passed("a")
    assert history.has_passed("11")


@given(st.lists(st.text(min_size=1)), st.text(min_size=1))
def test_the_latest_version_is_never_passed(versions: list[str], latest: str) -> None:
    history = VersionHistory()
    for each in (*versions, latest):
        history.add(each)
    assert not history.has_passed(latest)
