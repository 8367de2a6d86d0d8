from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from gfd.cli import run
from gfd.printable import complain

HOSTILE = "\x1b[2J\n\u202e\x9b"
SHOWN = r"\x1b[2J\n\u202e\x9b"


def test_a_complaint_is_one_line_that_nothing_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    complain(f"{HOSTILE} is größer")
    assert capsys.readouterr() == ("", f"gfd: {SHOWN} is größer\n")


def test_a_complaint_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = open(writer, "w", buffering=1)  # noqa: SIM115
    monkeypatch.setattr("sys.stderr", stream)
    complain("first")
    assert sys.stderr is not stream
    complain("second")
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
def test_what_an_outsider_wrote_is_shown(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "\x1b.json"
    path.write_text(json.dumps({"schema": 1, HOSTILE: 1}))
    assert run([word.replace("FILE", str(path)) for word in words], {}) != 0
    told = capsys.readouterr().err
    assert told.startswith("gfd: " + said.replace("SOURCE", str(path).replace("\x1b", r"\x1b")))
    assert told.count("\n") == 1
    assert told.rstrip("\n").isprintable()
