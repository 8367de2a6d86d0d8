from __future__ import annotations

import io
import sys

import pytest

from gfd.clusterview.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("nodes") as show:
        show(500, 5000)
        show(1000, None)
        show(5000, 5000)
    text = terminal.getvalue()
    assert "nodes" in text
    assert "5000/5000" in text
    assert text.endswith("\x1b[2K")


def test_nothing_is_drawn_before_there_is_anything_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("nodes"):
        pass
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("has_rich", [True, False])
def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch, has_rich: bool) -> None:
    if not has_rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    stream = io.StringIO() if has_rich else Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with progress("nodes") as show:
        show(1, 2)
    assert stream.getvalue() == ""
