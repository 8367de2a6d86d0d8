from __future__ import annotations

import io

import pytest

from gfd.clusterview.progress import progress, track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("nodes") as show:
        show(500, 5000)
        show(1000, None)
        show(5000, 5000)
    text = terminal.getvalue()
    assert text == (
        "\rnodes [##------------------] 500/5000\x1b[K"
        "\rnodes [--------------------] 1000/?\x1b[K"
        "\rnodes [####################] 5000/5000\x1b[K"
        "\r\x1b[K"
    )


def test_no_bar_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("nodes"):
        pass
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("is_terminal", [True, False])
def test_no_bar_in_a_pipe_or_on_a_dumb_terminal(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> None:
    monkeypatch.setenv("TERM", "dumb" if is_terminal else "xterm")
    stream = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress("nodes") as show:
        show(1, 2)
    assert list(track([1, 2, 3], "counting")) == [1, 2, 3]
    assert stream.getvalue() == ""


def test_two_items_have_a_bar_and_one_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(track(["one"], "Matching")) == ["one"]
    assert terminal.getvalue() == ""
    assert list(track(["one", "two"], "Matching")) == ["one", "two"]
    assert "Matching [##########----------] 1/2" in terminal.getvalue()
