from __future__ import annotations

import io

import pytest

from gfd.text import escape
from gfd.tools.terminal import BOLD, is_coloured, paint, pluralize, width_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("A100-PCIE-40GB", "A100-PCIE-40GB"),
        ("größe", "größe"),
        ("\x1b[2Jx", r"\x1b[2Jx"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202eabc", r"\u202eabc"),
        ("\x9b31m", r"\x9b31m"),
        ("\ud800", r"\ud800"),
    ],
)
def test_control_characters_are_escaped(text: str, seen: str) -> None:
    assert escape(text) == seen


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert is_coloured(Terminal())
    assert not is_coloured(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not is_coloured(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not is_coloured(Terminal())


def test_a_pipe_has_no_width() -> None:
    assert width_of(io.StringIO()) is None
    assert width_of(Terminal()) is None


def test_text_is_painted_where_there_are_colours() -> None:
    assert paint("x", BOLD, is_coloured=True) == f"\x1b[{BOLD}mx\x1b[0m"
    assert paint("x", BOLD, is_coloured=False) == "x"


def test_a_number_with_its_noun() -> None:
    assert [pluralize(number, "node") for number in (0, 1, 2)] == ["0 nodes", "1 node", "2 nodes"]
