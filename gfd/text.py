"""Make text for people: safe on a terminal, without credentials, short, with suggestions for misspelt words.

A text from a file, server or library can contain anything, even a token that gfd sent.
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SECRET = "SECRET"  # noqa: S105 - it takes the place of one
_MIN_CREDENTIAL_LENGTH = 6
"""The minimum length of a credential to redact: a shorter one would be part of too many words."""
_credentials: deque[str] = deque(maxlen=64)
"""The latest credentials. A token is renewed each hour, so older ones are no longer in use."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that can move the cursor, set colours, or turn the direction of writing."""


def escape(text: str) -> str:
    r"""Return ``text`` with control characters and invisible characters as ``\x1b`` or ``\u202e``."""
    if text.isascii() and text.isprintable():
        return text
    from unicodedata import category

    return "".join(
        each.encode("unicode_escape").decode() if category(each) in _HIDDEN_CATEGORIES else each
        for each in text
    )


def print_error(text: str) -> None:
    """Print an error or a warning to standard error, on one line."""
    try:
        sys.stderr.write(f"gfd: {escape(text)}\n")
    except BrokenPipeError:
        # The reader has closed it, and gfd goes on. Replace it, because flushing its buffer would fail again.
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def remember_credentials(*values: str) -> None:
    """Redact these values in every text from now on."""
    for value in values:
        for line in map(str.strip, value.splitlines()):
            if len(line) >= _MIN_CREDENTIAL_LENGTH and line not in _credentials:
                _credentials.append(line)


def list_credentials() -> tuple[str, ...]:
    """Return the remembered credentials, the longest first."""
    return tuple(sorted(_credentials, key=len, reverse=True))


@cache
def compile_credential_patterns() -> tuple[re.Pattern[str], ...]:
    """Return patterns that match credentials."""
    return (
        re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL),
        re.compile(r"(?<![\w+/])LS0tLS1CRUdJTi[\w+/]+=*"),  # the same in base64, as a kubeconfig has it
        re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a JSON web token, as service accounts have
        re.compile(r"(?<=://)[^/\s@]+(?=@)"),
        re.compile(r"(?i)\b(?<=bearer )\S+"),
        re.compile(r"(?<=\bBasic )\S{8,}"),
    )


def redact(text: str) -> str:
    """Return ``text`` with every credential replaced by :data:`SECRET`."""
    for value in list_credentials():
        text = text.replace(value, SECRET)
    for pattern in compile_credential_patterns():
        text = pattern.sub(SECRET, text)
    return text


def shorten(text: str, limit: int = 80) -> str:
    """Return ``text`` with at most ``limit`` characters."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def quote(text: str) -> str:
    """Return ``text`` shortened and in quotes."""
    return repr(shorten(text))


def join_words(words: Iterable[str], conjunction: str = "or") -> str:
    """Return ``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def join_first(texts: Sequence[str], limit: int) -> str:
    """Return the first ``limit`` texts, and how many there are beside them: ``a, b and 3 more``."""
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return f"{', '.join(texts[:limit])}{more}"


def suggest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` with the known word that is most like ``word``; empty if none is."""
    closest = find_closest(word, known)
    return f"; did you mean {closest}?" if closest else ""


def list_known(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean X? known are X, Y``, or ``none are known``."""
    names = list(known)
    closest = find_closest(word, names)
    hint = f"did you mean {closest}? " if closest else ""
    return f"{hint}known are {', '.join(names)}" if names else "none are known"


def find_closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like ``word``, without regard to case; empty if none is."""
    from difflib import get_close_matches

    by_folded = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), by_folded, n=1)
    return by_folded[matches[0]] if matches else ""
