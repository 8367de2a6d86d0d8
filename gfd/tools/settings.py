"""The effective configuration as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.config.load import Loaded


def to_text(loaded: Loaded) -> str:
    """Return every option with its value and where that came from."""
    rows = [(setting.option.flag, setting.text, setting.origin) for setting in loaded.settings]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(f"{flag:<{widths[0]}}  {text:<{widths[1]}}  {origin}\n" for flag, text, origin in rows)
