"""Format and parse feature files, which NFD's local source reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.labels.syntax import Labels

MAX_BYTES = 65_536
"""NFD ignores a larger feature file."""

_EXPIRY = "# +expiry-time="
_NO_LABEL = "# +no-label"
"""The feature on the next line is only for NFD's rules."""


def format_labels(labels: Labels) -> str:
    """Return one ``key=value`` line per label, sorted by key."""
    return "".join(f"{key}={labels[key]}\n" for key in sorted(labels))


def format_expiry(at_s: float) -> str:
    """Return NFD's directive by which the lines below it expire at a Unix time."""
    from datetime import UTC, datetime  # imported late because it is slow: few files have an expiry time

    return f"{_EXPIRY}{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}\n"


def split_expiry(text: str) -> tuple[float | None, str]:
    """Return the Unix time of an expiry directive in the first line, or None, and the text without it."""
    first, newline, rest = text.partition("\n")
    expires_s = _parse_expiry(first) if newline else None
    return (None, text) if expires_s is None else (expires_s, rest)


def parse_features(text: str, now_s: float) -> dict[str, str]:
    """Return the labels that NFD reads from a feature file at a Unix time.

    Lines below an expiry time in the past are ignored; a key without a value is ``true``.
    """
    labels: dict[str, str] = {}
    expires_s, is_hidden = now_s, False
    for line in map(str.strip, text.split("\n")):
        if line.startswith("#"):
            found_s = _parse_expiry(line)
            expires_s = expires_s if found_s is None else found_s
            is_hidden |= line == _NO_LABEL
        elif line and expires_s >= now_s:
            key, equals, value = line.partition("=")
            labels[key] = value if equals else "true"
            if is_hidden:
                del labels[key]
            is_hidden = False
    return labels


def _parse_expiry(line: str) -> float | None:
    if not line.startswith(_EXPIRY):
        return None
    from datetime import datetime

    try:
        return datetime.fromisoformat(line.removeprefix(_EXPIRY).strip()).timestamp()
    except ValueError:
        return None
