"""One option, as a row of the table in :mod:`gfd.config.options`."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["string", "bool", "duration", "choice", "list", "float", "int", "path", "address"]


class Option(NamedTuple):
    """One option: a flag, its environment variables and its key in the config file."""

    field: str
    """The name of the field in Config, and in the parsed command line."""
    flags: tuple[str, ...]
    """The flags, with dashes; messages name the first."""
    help: str
    """The meaning: one sentence with units, without the default."""
    group: str
    environment: tuple[str, ...] = ()
    """Environment variables; the first one that is not empty wins."""
    file_key: str | None = None
    """The path in the config file, with dots; None if the file cannot set it."""
    kind: Kind = "string"
    default: str | None = None
    """The default, as a user would write it; None if there is none."""
    metavar: str = ""
    """The name of the value in the help; empty for a bool and a choice."""
    choices: tuple[str, ...] = ()
    """The values that a choice or an item of a list can have; empty: any."""
    is_repeatable: bool = False
    """Whether the flag can be given several times; then all values together count."""

    alone: str = ""
    """The bool flag that this flag means if no value follows it; empty if it needs a value."""

    @property
    def flag(self) -> str:
        """The flag to name in messages."""
        return self.flags[0]
