"""Labels as lines, the way NFD's local source reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.labels import Labels

_EXPIRY = "# +expiry-time="


def to_lines(labels: Labels) -> str:
    """Return one ``key=value`` line a label, sorted by key."""
    return "".join(f"{key}={labels[key]}\n" for key in sorted(labels))


def expiry_line(at_s: float) -> str:
    """Return NFD's directive that lets the lines after it lapse at a Unix time."""
    return f"{_EXPIRY}{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}\n"


def split_expiry(text: str) -> tuple[float | None, str]:
    """Return the Unix time of a leading :func:`expiry_line`, None without one, and the text after it."""
    first, newline, rest = text.partition("\n")
    if newline and first.startswith(_EXPIRY):
        try:
            return datetime.fromisoformat(first.removeprefix(_EXPIRY)).timestamp(), rest
        except ValueError:
            pass
    return None, text
