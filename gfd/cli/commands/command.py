"""Describe a command: a word after ``gfd``, its options, and the function that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gfd.config.model import LoadedConfig
    from gfd.config.option import Option

Values = Mapping[str, Any]
"""The values of a command's own options and words by field, with the types of the options' kinds.

Where nothing is given and there is no default, the value is None, or an empty tuple for a list.
"""

ALWAYS_ACCEPTED = ("log_level",)
"""Fields of the general options that every command uses: an error shows its traceback on level debug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Positional:
    """An argument of a command without a flag: one word, or several if it is repeatable."""

    field: str
    metavar: str
    """The placeholder for a word in the help."""
    help: str
    """One sentence."""
    choices: tuple[str, ...] = ()
    """The words to choose from; empty if any word is allowed."""
    is_required: bool = True
    is_repeatable: bool = False
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A word after ``gfd``."""

    help: str
    """One sentence."""
    run: Callable[[LoadedConfig, Values], None]
    """Runs the command with the configuration and the values of its options and words. Raises GfdError."""
    options: tuple[Option, ...] = ()
    positional: Positional | None = None
    examples: tuple[str, ...] = ()
    """Two command lines for the help. They work as they are, if the files, pods and nodes exist."""
    notes: str = ""
    """More sentences for ``--help-all``."""
    general_options: tuple[str, ...] = ()
    """Fields of the general options that the command uses. It refuses the flags of all others."""
    machine_options: tuple[str, ...] = ()
    """Fields of general options that it uses only if it reads a machine instead of the cluster."""
    machine_sources: Mapping[str, str] = field(default_factory=dict)
    """Fields of its own options or words that also make it read a machine -> their name in messages."""
    implied_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """General options that a bool in :attr:`options` sets unless the user does, by the bool's field."""
    flag_hints: Mapping[str, str] = field(default_factory=dict)
    """What to do instead of a flag that it does not have, by the flag with two dashes."""
    word_hint: str = ""
    """What to do instead of a word, which stands for ``{}``, if it takes no words."""
    reads_pod_token: bool = False
    """Whether to read node, namespace and pod name from the pod's token, unless options set them."""

    @property
    def accepted_fields(self) -> frozenset[str]:
        """The fields of the general options that the command accepts as flags."""
        return frozenset((*self.general_options, *self.machine_options, *ALWAYS_ACCEPTED))

    @property
    def usage(self) -> str:
        """Return the arguments as in a usage line: ``FILE… [OPTION…]``."""
        words = self.positional
        if words is None:
            return "[OPTION…]"
        shown = f"{words.metavar}…" if words.is_repeatable else words.metavar
        return f"{shown if words.is_required else f'[{shown}]'} [OPTION…]"
