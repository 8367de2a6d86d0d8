from __future__ import annotations

import io

import pytest

from gfd.printable import shown
from gfd.tools.terminal import BOLD, is_coloured, paint, table, track, width_of

HEADING = ("node", "product")
ROWS = (("n1", "A100-PCIE-40GB-MIG-1g.5gb"), ("node-two", ""))


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
def test_what_a_terminal_would_obey_is_shown(text: str, seen: str) -> None:
    assert shown(text) == seen


def test_a_table_for_a_pipe_is_whole() -> None:
    text = table(HEADING, ROWS, width=None, is_coloured=False)
    assert text == "node      product\nn1        A100-PCIE-40GB-MIG-1g.5gb\nnode-two\n"


def test_a_table_shrinks_its_widest_column() -> None:
    text = table(HEADING, ROWS, width=22, is_coloured=False)
    assert text == "node      product\nn1        A100-PCIE-4…\nnode-two\n"
    assert table(HEADING, ROWS, width=5, is_coloured=False) == (
        "node      product\nn1        A100-PC…\nnode-two\n"
    )


def test_columns_that_must_not_shrink_as_far() -> None:
    text = table(HEADING, ROWS, width=20, is_coloured=False, narrowest=(4, 13))
    assert text == "node   product\nn1     A100-PCIE-40…\nnode…\n"
    text = table(HEADING, ROWS, width=1, is_coloured=False, narrowest=(8, 24))
    assert text == "node      product\nn1        A100-PCIE-40GB-MIG-1g.5…\nnode-two\n"


def test_a_coloured_table() -> None:
    text = table(("a",), (("\x1b[31m",),), width=None, is_coloured=True)
    assert text == f"\x1b[{BOLD}ma\x1b[0m\n\\x1b[31m\n"
    assert paint("x", BOLD, is_coloured=False) == "x"


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


def test_a_stream_that_is_no_terminal_has_no_width() -> None:
    assert width_of(io.StringIO()) is None
    assert width_of(Terminal()) is None


def test_nothing_is_tracked_where_nobody_looks() -> None:
    items = [1, 2, 3]
    assert track(items, "counting") is items
