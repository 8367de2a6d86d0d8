"""What a command is: a word after ``gfd``, its options, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gfd.config.load import Loaded
    from gfd.config.options import Option

Values = Mapping[str, Any]
"""What was given for a command's own options and words, by field and typed by the options' kinds; None, or an
empty tuple for a list, where nothing was given and there is no default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words that a command takes without a flag; a tuple in its values."""

    field: str
    metavar: str
    """What stands for one of them in the help."""
    help: str
    """One sentence."""
    choices: tuple[str, ...] = ()
    """The words they may be; empty if any."""
    at_least: int = 1
    at_most: int | None = 1
    """None: any number."""

    @property
    def usage(self) -> str:
        """Return how they are written after the command: ``FILE…``, ``[KEY…]``."""
        several = self.metavar if self.at_most == 1 else f"{self.metavar}…"
        return several if self.at_least else f"[{several}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A word after ``gfd``."""

    help: str
    """One sentence."""
    run: Callable[[Loaded, Values], None]
    """From the configuration and the values of :attr:`options` and :attr:`words`; raises GfdError."""
    options: tuple[Option, ...] = ()
    words: Words | None = None
    notes: str = ""
    """More sentences, for its own --help only."""
    implies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By a flag of :attr:`options` that is set: what the configuration is then taken to say."""
    asks_pod: bool = False
    """Whether node, namespace and pod that nobody names are those of the pod that it runs in."""
