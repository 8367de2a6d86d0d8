"""An option as text, from a flag, an environment variable, the config file or its default."""

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

    from gfd.config.option import Option

_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "bool": parse_bool,
    "int": parse_int,
    "float": parse_float,
    "address": lambda text: parse_address(text) if text else None,
    "path": lambda text: Path(text) if text else None,
    "string": lambda text: text or None,
}


class RawOption(NamedTuple):
    """An option as text, and its origin."""

    option: Option
    texts: tuple[str, ...]
    """The texts of the value; only a list can have several."""
    origin: str

    def error(self, reason: str) -> ConfigError:
        """Return the error to raise; it names the file key if the file set the option, else the flag."""
        is_in_file = self.origin not in {*self.option.flags, *self.option.environment, "default"}
        name = self.option.file_key if is_in_file and self.option.file_key else self.option.flag
        return ConfigError(name, COMMAND_LINE if self.origin == self.option.flag else self.origin, reason)

    def parse(self) -> Any:
        """Return the value: None or an empty tuple for an empty text. Raises ConfigError."""
        option, text = self.option, self.texts[-1] if self.texts else ""
        try:
            for each in self.texts:
                _check_characters(each)
            if option.kind == "duration":
                return None if text == option.default == OFF else parse_duration(text)
            if option.kind == "choice":
                return parse_choice(text, option.choices)
            if option.kind == "list":
                items = parse_list(self.texts)
                return tuple(parse_choice(item, option.choices or items) for item in items)
            return _PARSERS[option.kind](text)
        except ValueError as error:
            raise self.error(str(error)) from None


def _check_characters(text: str) -> None:
    """Raise ValueError for a character that cannot be in a path, name or header."""
    try:
        is_valid = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        is_valid = False
    if not is_valid:
        raise ValueError(f"{quote(text)} has a character that cannot be encoded")


def make_default(option: Option) -> RawOption:
    """Return the default of an option."""
    return RawOption(option=option, texts=(option.default or "",), origin="default")


def parse_option(option: Option, text: str | Sequence[str] | None) -> Any:
    """Return the value of an option that only a flag can set; ``text`` is None if the flag is absent.

    Without a flag and a default, return None, or an empty tuple for a list. Raises ConfigError.
    """
    if text is None:
        if option.default is None:
            return () if option.kind == "list" else None
        return make_default(option).parse()
    texts = (text,) if isinstance(text, str) else tuple(text)
    return RawOption(option=option, texts=texts, origin=option.flag).parse()
