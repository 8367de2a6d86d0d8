"""Format the effective options as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.table import format_table

if TYPE_CHECKING:
    from gfd.config.model import LoadedConfig


def to_text(loaded: LoadedConfig) -> str:
    """Return a line for each option: its flag, its value, and the origin of the value."""
    return format_table((each.option.flag, each.text, each.origin) for each in loaded.options)
