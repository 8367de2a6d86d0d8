"""Encode and decode messages between processes: answers and errors as JSON, one line each.

The format is JSON, not pickle: a child has run the driver's code and the operator's templates, and unpickling
its messages could run any code in the parent.
"""

from __future__ import annotations

import json
import os
from typing import Any

from gfd import errors
from gfd.errors import GfdError, MalformedAnswer, SeveralErrors
from gfd.worker.library_output import LibraryOutput

_ERRORS: dict[str, Any] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, GfdError) and kind is not SeveralErrors
}

MAX_BYTES = 16 << 20
"""The maximum size of an answer. A node with eight GPUs in 56 MIG devices needs 60 KiB."""

_SCALARS = (str, int, float, type(None))
_MAX_CHARACTERS = 200


def make_nonce() -> str:
    """Return a word that nobody can guess: an answer is valid only if it starts with its request's nonce."""
    return os.urandom(8).hex()


def encode_answer(value: dict[str, Any]) -> str:
    """Return an answer as one line."""
    return json.dumps({"answer": value})


def encode_error(error: GfdError) -> str:
    """Return an error as one line."""
    init = getattr(type(error).__init__, "__code__", None)
    # Each parameter of __init__ is also an attribute. A class without its own __init__ takes a text.
    names = init.co_varnames[1 : init.co_argcount] if init else ()
    arguments = {name: getattr(error, name) for name in names} or {"text": str(error)}
    return json.dumps({"error": type(error).__name__, "arguments": arguments})


def decode_answer(line: str) -> dict[str, Any]:
    """Return the value given to :func:`encode_answer`, or raise the error given to :func:`encode_error`.

    Raises MalformedAnswer for any other line.
    """
    try:
        answer, error = _decode(line)
    except Exception as cause:  # a line that gfd did not write can raise anything
        raise MalformedAnswer from cause
    if error is not None:
        raise error
    return answer


def _decode(line: str) -> tuple[dict[str, Any], GfdError | None]:
    message = json.loads(line)
    if message.keys() == {"answer"}:
        answer: dict[str, Any] = dict(message["answer"].items())
        return answer, None
    if message.keys() != {"error", "arguments"}:
        raise ValueError(line)
    kind, arguments = _ERRORS[message["error"]], message["arguments"]
    if not all(isinstance(argument, _SCALARS) for argument in arguments.values()):
        raise TypeError(line)
    return {}, kind(arguments["text"]) if arguments.keys() == {"text"} else kind(**arguments)


def encode_reply(nonce: str, stuck: int, answer: str, output: LibraryOutput | None) -> bytes:
    """Return a reply of the fork server as one line: a child's answer and the data for the service.

    ``stuck`` is the number of children that are stuck in the kernel; ``output`` is that of the library.
    """
    printed = json.dumps([output.lines, output.dropped]) if output else ""
    return f"{nonce}\t{stuck}\t{answer}\t{printed}\n".encode()


def decode_reply(nonce: str, line: bytes) -> tuple[int, str, LibraryOutput | None]:
    """Return the arguments of :func:`encode_reply`, without the nonce. Raises MalformedAnswer."""
    try:
        found_nonce, stuck, answer, printed = line.decode().removesuffix("\n").split("\t")
        lines, dropped = json.loads(printed) if printed else ((), 0)
        output = LibraryOutput(lines=tuple(map(str, lines)), dropped=int(dropped))
        reply = int(stuck), answer, output if printed else None
    except Exception as error:  # a line that gfd did not write can raise anything
        raise MalformedAnswer from error
    if found_nonce != nonce:
        raise MalformedAnswer
    return reply


def describe(error: BaseException) -> str:
    """Return an unexpected error as one short line, with the file and line that raised it."""
    text = " ".join(str(error).split())
    if len(text) > _MAX_CHARACTERS:
        text = f"{text[:_MAX_CHARACTERS]}…"
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}, line {trace.tb_lineno})"  # noqa: PTH119
        trace = trace.tb_next
    return f"{type(error).__name__}{f': {text}' if text else ''}{place}"
