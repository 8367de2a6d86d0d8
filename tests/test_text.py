"""Text for people."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from gfd.cli import run
from gfd.text import find_closest, join_words, list_known, print_error, quote, suggest

HOSTILE = "\x1b[2J\n\u202e\x9b"
SHOWN = r"\x1b[2J\n\u202e\x9b"


def test_an_error_is_one_escaped_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(f"{HOSTILE} is größer")
    assert capsys.readouterr() == ("", f"gfd: {SHOWN} is größer\n")


def test_an_error_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = open(writer, "w", buffering=1)  # noqa: SIM115
    monkeypatch.setattr("sys.stderr", stream)
    print_error("first")
    assert sys.stderr is not stream
    print_error("second")
    sys.stderr.flush()
    sys.stderr.close()
    # Its buffer keeps what could not be written.
    with pytest.raises(BrokenPipeError):
        stream.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dump", "--inventory=FILE"], f"SOURCE: {SHOWN}: no such field in this schema"),
        (["explain", "--inventory=FILE"], f"SOURCE: {SHOWN}: no such field in this schema"),
        (["dump", "--simulate=mig-doc", "--mig=FILE"], "--mig (command line): SOURCE:1: "),
        (["dump", f"--inventory={HOSTILE}"], f"{SHOWN}: No such file or directory; take one with gfd"),
        (["nodes", f"--nodes={HOSTILE}"], f"{SHOWN}: No such file or directory; expected the output"),
        ([HOSTILE], f"{SHOWN} (command line): unknown command; gfd --help lists all commands"),
    ],
)
def test_file_names_and_keys_are_escaped(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "\x1b.json"
    path.write_text(json.dumps({"schema": 1, HOSTILE: 1}))
    assert run([word.replace("FILE", str(path)) for word in words], {}) != 0
    told = capsys.readouterr().err
    assert told.startswith("gfd: " + said.replace("SOURCE", str(path).replace("\x1b", r"\x1b")))
    assert told.count("\n") == 1
    assert told.rstrip("\n").isprintable()


def test_suggestions() -> None:
    assert find_closest("SINGEL", ["none", "single"]) == "single"
    assert suggest("singel", ["none", "single"]) == "; did you mean single?"
    assert suggest("x", ["none", "single"]) == ""
    assert list_known("singel", ["none", "single"]) == "did you mean single? known are none, single"
    assert list_known("x", []) == "none are known"


def test_words_and_quotes() -> None:
    assert join_words(["none", "single", "mixed"]) == "none, single or mixed"
    assert join_words(["none"]) == "none"
    assert quote("a" * 100) == f"'{'a' * 80}…'"
