"""Readings and errors as JSON, between the process that reads and the one that asked.

JSON and not pickle: the child has run the driver's code and the operator's templates, and must not choose
what runs in who listens to it.
"""

from __future__ import annotations

import json
from typing import Any

from gfd import errors
from gfd.errors import GfdError

_KINDS: dict[str, Any] = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, GfdError)
}


SAME = "="
"""The answer of who says again what it said before."""


def write_answer(value: dict[str, Any]) -> str:
    """Return what a child has to say, in one line."""
    return json.dumps({"answer": value})


def write_error(error: GfdError) -> str:
    """Return why a child has nothing to say, in one line."""
    facts = vars(error)  # each is what the parameter of the same name was
    return json.dumps({"error": type(error).__name__, "facts": facts or {"text": str(error)}})


def read(line: str) -> dict[str, Any]:
    """Return the value of :func:`write_answer`, or raise the error of :func:`write_error`."""
    message = json.loads(line)
    if "error" not in message:
        answer: dict[str, Any] = message["answer"]
        return answer
    kind, facts = _KINDS[message["error"]], message["facts"]
    raise kind(facts["text"]) if set(facts) == {"text"} else kind(**facts)
