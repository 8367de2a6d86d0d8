"""Readings and errors as JSON, between the process that reads and the one that asked.

JSON and not pickle: the child has run the driver's code and the operator's templates, and must not choose
what runs in who listens to it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from gfd import errors
from gfd.errors import GfdError, MalformedAnswer, SeveralErrors
from gfd.worker.library_output import LibraryOutput

_KINDS: dict[str, Any] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, GfdError) and kind is not SeveralErrors
}

MAX_BYTES = 16 << 20
"""Of an answer; a node with eight GPUs in 56 MIG devices takes 60 KiB."""

SAME = "="
"""The answer of who says again what it said before."""

_SCALARS = (str, int, float, type(None))
_MAX_CHARACTERS = 200


def make_nonce() -> str:
    """Return a word that nobody can guess: who asks gives it, who answers begins with it."""
    return os.urandom(8).hex()


def write_answer(value: dict[str, Any]) -> str:
    """Return what a child has to say, in one line."""
    return json.dumps({"answer": value})


def write_error(error: GfdError) -> str:
    """Return why a child has nothing to say, in one line."""
    facts = vars(error)  # each is what the parameter of the same name was
    return json.dumps({"error": type(error).__name__, "facts": facts or {"text": str(error)}})


def read(line: str) -> dict[str, Any]:
    """Return the value of :func:`write_answer`, or raise the error of :func:`write_error`.

    Raises MalformedAnswer for what is neither.
    """
    try:
        answer, told = _read(line)
    except Exception as error:  # whatever a stranger wrote there raises
        raise MalformedAnswer from error
    if told is not None:
        raise told
    return answer


def _read(line: str) -> tuple[dict[str, Any], GfdError | None]:
    message = json.loads(line)
    if message.keys() == {"answer"}:
        answer: dict[str, Any] = dict(message["answer"].items())
        return answer, None
    if message.keys() != {"error", "facts"}:
        raise ValueError(line)
    kind, facts = _KINDS[message["error"]], message["facts"]
    if not all(isinstance(fact, _SCALARS) for fact in facts.values()):
        raise TypeError(line)
    return {}, kind(facts["text"]) if facts.keys() == {"text"} else kind(**facts)


def write_reply(nonce: str, stuck: int, answer: str, printed: LibraryOutput | None) -> bytes:
    """Return what the fork server replies, as a line: the answer of a child, and what else is to be told."""
    told = json.dumps([printed.lines, printed.dropped]) if printed else ""
    return f"{nonce}\t{stuck}\t{answer}\t{told}\n".encode()


def read_reply(nonce: str, line: bytes) -> tuple[int, str, LibraryOutput | None]:
    """Return what :func:`write_reply` was given. Raises MalformedAnswer for anything else."""
    try:
        first, stuck, answer, told = line.decode().removesuffix("\n").split("\t")
        lines, dropped = json.loads(told) if told else ((), 0)
        reply = int(stuck), answer, LibraryOutput(lines=tuple(map(str, lines)), dropped=int(dropped))
    except Exception as error:  # whatever a stranger wrote there raises
        raise MalformedAnswer from error
    if first != nonce:
        raise MalformedAnswer
    return (*reply[:2], reply[2] if told else None)


def describe(error: BaseException) -> str:
    """Return an error that nobody expected in one short line, with the place where it was raised."""
    text = " ".join(str(error).split())
    if len(text) > _MAX_CHARACTERS:
        text = f"{text[:_MAX_CHARACTERS]}…"
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}, line {trace.tb_lineno})"  # noqa: PTH119
        trace = trace.tb_next
    return f"{type(error).__name__}{f': {text}' if text else ''}{place}"
