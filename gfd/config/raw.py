"""What one place says about one option: a flag, an environment variable, a config file, the default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.config.options import COMMAND_LINE
from gfd.config.values import (
    OFF,
    parse_address,
    parse_bool,
    parse_choice,
    parse_duration,
    parse_float,
    parse_int,
    parse_list,
)
from gfd.errors import ConfigError
from gfd.text import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gfd.config.options import Option

_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "bool": parse_bool,
    "int": parse_int,
    "float": parse_float,
    "address": lambda text: parse_address(text) if text else None,
    "path": lambda text: Path(text) if text else None,
    "string": lambda text: text or None,
}


class Given(NamedTuple):
    """What one place says about one option."""

    option: Option
    texts: tuple[str, ...]
    origin: str

    def refusal(self, reason: str) -> ConfigError:
        """Return the error to raise: it names the option the way that place does."""
        is_in_file = self.origin not in {*self.option.flags, *self.option.environment, "default"}
        name = self.option.file_key if is_in_file and self.option.file_key else self.option.flag
        return ConfigError(name, COMMAND_LINE if self.origin == self.option.flag else self.origin, reason)

    def parse(self) -> Any:
        """Return the value of one option; a text that says nothing is None, or an empty tuple for a list."""
        option, text = self.option, self.texts[-1] if self.texts else ""
        try:
            for each in self.texts:
                _check(each)
            if option.kind == "duration":
                return None if text == option.default == OFF else parse_duration(text)
            if option.kind == "choice":
                return parse_choice(text, option.choices)
            if option.kind == "list":
                items = parse_list(self.texts)
                return tuple(parse_choice(item, option.choices or items) for item in items)
            return _PARSERS[option.kind](text)
        except ValueError as error:
            raise self.refusal(str(error)) from None


def _check(text: str) -> None:
    """Raise ValueError for what neither a path, a name nor a header can hold."""
    try:
        is_text = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        is_text = False
    if not is_text:
        raise ValueError(f"holds a character that is no text: {quote(text)}")


def take_default(option: Option) -> Given:
    """Return what is so if nobody says anything."""
    return Given(option=option, texts=(option.default or "",), origin="default")


def parse(option: Option, given: str | Sequence[str] | None) -> Any:
    """Return the value of an option that no environment variable and no config file can give.

    Without a default it is None, or an empty tuple for a list. Raises ConfigError.
    """
    if given is None:
        if option.default is None:
            return () if option.kind == "list" else None
        return take_default(option).parse()
    texts = (given,) if isinstance(given, str) else tuple(given)
    return Given(option=option, texts=texts, origin=option.flag).parse()
