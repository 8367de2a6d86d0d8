"""Credentials that this process has read, and texts without them.

What a library, a plugin or a server says can repeat what it was given, so every text from there is shown
without any credential.
"""

from __future__ import annotations

import re
from collections import deque

SECRET = "SECRET"  # noqa: S105 - it stands for one

SHAPES = (
    re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL),
    re.compile(r"(?<![\w+/])LS0tLS1CRUdJTi[\w+/]+=*"),  # the same in base64, as a kubeconfig has it
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a JSON web token, as service accounts have
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),
    re.compile(r"(?i)\b(?<=bearer )\S+"),
    re.compile(r"(?<=\bBasic )\S{8,}"),
)
"""What credentials look like, whoever they belong to."""

_SHORTEST = 6
"""A shorter text stands in too many words."""
_known: deque[str] = deque(maxlen=64)
"""Tokens are renewed each hour; who holds the newest is told the oldest no more."""


def remember(*values: str) -> None:
    """Let these be left out of every text from now on."""
    for value in values:
        for line in map(str.strip, value.splitlines()):
            if len(line) >= _SHORTEST and line not in _known:
                _known.append(line)


def known() -> tuple[str, ...]:
    """Return what was remembered, the longest first."""
    return tuple(sorted(_known, key=len, reverse=True))


def conceal(text: str) -> str:
    """Return ``text`` with every credential in it replaced."""
    for value in known():
        text = text.replace(value, SECRET)
    for shape in SHAPES:
        text = shape.sub(SECRET, text)
    return text
