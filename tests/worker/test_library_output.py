from __future__ import annotations

import pytest

from gfd.worker.library_output import MAX_CHARACTERS, MAX_LINES, LibraryOutput, OutputLimiter


def feed(*pieces: bytes) -> LibraryOutput | None:
    limiter = OutputLimiter()
    for piece in pieces:
        limiter.feed(piece)
    return limiter.take()


@pytest.mark.parametrize(
    ("pieces", "lines", "dropped"),
    [
        ((b"one\ntw", b"o\n"), ("one", "two"), 0),
        ((b"no end",), ("no end",), 0),
        ((b"carriage\r\n",), ("carriage",), 0),
        ((b"\xff\n",), ("\ufffd",), 0),
        ((b"\n \n\r\na\n",), ("a",), 0),
        ((b"x" * 100_000, b"x" * 100_000, b"\nnext\n"), ("x" * MAX_CHARACTERS + "…", "next"), 0),
        (("ü" * MAX_CHARACTERS).encode(), ("ü" * MAX_CHARACTERS,), 0),
        ((b"line\n" * 200_000,), ("line",) * MAX_LINES, 200_000 - MAX_LINES),
        ((b"line\n" * MAX_LINES, b"line\n", b"end"), ("line",) * MAX_LINES, 2),
    ],
)
def test_lines_are_kept_shortened_and_counted(
    pieces: tuple[bytes, ...] | bytes, lines: tuple[str, ...], dropped: int
) -> None:
    given = (pieces,) if isinstance(pieces, bytes) else pieces
    assert feed(*given) == LibraryOutput(lines=lines, dropped=dropped)


def test_output_is_returned_once() -> None:
    limiter = OutputLimiter()
    assert limiter.take() is None
    limiter.feed(b"once\n")
    assert limiter.take() == LibraryOutput(lines=("once",))
    assert limiter.take() is None


def test_limited_outputs_add_up() -> None:
    limiter = OutputLimiter()
    for _ in range(3):
        limiter.add(LibraryOutput(lines=("a",) * 4, dropped=5))
    assert limiter.take() == LibraryOutput(lines=("a",) * MAX_LINES, dropped=17)
