from __future__ import annotations

import sys

import pytest

from gfd.errors import PublishError
from gfd.publishing.sinks.stdout import StdoutSink


def test_labels_are_printed_when_they_change(capsys: pytest.CaptureFixture[str]) -> None:
    sink = StdoutSink()
    assert sink.publish({"b": "", "a": "1"})
    assert not sink.publish({"a": "1", "b": ""})
    assert sink.publish({"a": "2"})
    sink.close()
    assert capsys.readouterr().out == "a=1\nb=\na=2\n"


def test_full_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(PublishError, match="sink stdout: standard output: No space left on device"):
            StdoutSink().publish({"a": "1"})
        # What is left in the buffer would fail again when the file is closed.
        with pytest.raises(OSError, match="No space left"):
            full.close()
