"""Read and write points in time and ages as Kubernetes does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_YEAR = 365 * _DAY
_FORMS = (
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
    (8 * _YEAR, _YEAR, "y", _DAY, "d"),
)
"""Rows of: maximum age in seconds, unit and its letter, then unit of the rest (0: none) and its letter."""


def format_age(then: datetime, now: datetime) -> str:
    """Return the time from ``then`` to ``now`` as in kubectl: ``59s``, ``7d3h``, ``<invalid>`` if below 0."""
    seconds = int((now - then).total_seconds())
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    for limit, unit, letter, rest_unit, rest_letter in _FORMS:
        if seconds < limit:
            rest = seconds % unit // rest_unit if rest_unit else 0
            return f"{seconds // unit}{letter}" + (f"{rest}{rest_letter}" if rest else "")
    return f"{seconds // _YEAR}y"


def parse_time(text: Any) -> datetime | None:
    """Return the time in a text of the API server (RFC 3339); None for any other text."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


def format_time(at: datetime | None) -> str | None:
    """Return a time as the API server writes it (RFC 3339); None for None."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
