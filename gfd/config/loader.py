"""Load the configuration. A flag wins over the environment, and the environment over the config file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfd.config.allocation import apply_dra
from gfd.config.checks import check, check_sinks
from gfd.config.model import Config, EffectiveOption, LoadedConfig
from gfd.config.options import COMMAND_LINE, DRA, EXTRA_LABELS, OPTIONS, SINKS
from gfd.config.raw_option import RawOption, make_default
from gfd.config.values import format_value
from gfd.errors import ConfigError
from gfd.files import describe_unsafe_file
from gfd.labels.sharing import Sharing
from gfd.text import join_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.config.config_file import ConfigFile
    from gfd.config.option import Option

CONFIG_FILE = next(option for option in OPTIONS if option.field == "config_file")


def load(
    argv_values: Mapping[str, str | Sequence[str] | None],
    environ: Mapping[str, str],
    chosen: Path | None = None,
    *,
    is_publishing: bool = True,
) -> LoadedConfig:
    """Return the configuration from flags, environment and config file.

    ``argv_values`` has the texts of flags by the field of their option: a sequence for a repeatable flag,
    None for an absent one. ``chosen`` is the file in ``--config-dir`` to read in place of ``--config-file``.
    Unless ``is_publishing``, the options of sinks need not fit together. Raises ConfigError.
    """
    raw = {option.field: _read_flag_or_variable(option, argv_values, environ) for option in OPTIONS}
    named_by = raw["config_file"]
    if chosen is not None:
        named_by = raw["config_dir"]
        raw["config_file"] = RawOption(option=CONFIG_FILE, texts=(str(chosen),), origin="--config-dir")
    file = _read_file(named_by, chosen)
    effective = {
        option.field: raw[option.field] or _find_in_file(option, file) or make_default(option)
        for option in OPTIONS
    }
    values = {name: each.parse() for name, each in effective.items()}
    check(values, effective)
    _resolve(values, effective)
    if is_publishing:
        check_sinks(values, effective)
    config = Config(**values, sharing=file.sharing if file else Sharing())
    loaded = LoadedConfig(
        config=config,
        warnings=_list_warnings(file, config.strict_config) if file else (),
        options=tuple(_describe(each, values[name]) for name, each in effective.items()),
        sharing_place=f"{file.source}:{file.sharing_line}" if file and file.sharing.resources else "",
    )
    return apply_dra(loaded) if config.allocation == DRA else loaded


def _read_flag_or_variable(
    option: Option, argv_values: Mapping[str, str | Sequence[str] | None], environ: Mapping[str, str]
) -> RawOption | None:
    """Return the option from its flag, else from its first environment variable that is not empty."""
    value = argv_values.get(option.field)
    if value is not None:
        texts = (value,) if isinstance(value, str) else tuple(value)
        return RawOption(option=option, texts=texts, origin=option.flag)
    for name in option.environment:
        if text := environ.get(name):
            return RawOption(option=option, texts=(text,), origin=name)
    return None


def _read_file(named_by: RawOption | None, chosen: Path | None) -> ConfigFile | None:
    """Read the file that the option ``named_by`` names, or ``chosen`` in the directory that it names."""
    if named_by is None or not named_by.texts[-1]:
        return None
    from gfd.config import config_file  # imported late: many nodes have no config file

    named_by.parse()  # raises ConfigError for a text that cannot be a path
    path = chosen or Path(named_by.texts[-1])
    reason = describe_unsafe_file(path)
    if reason is not None:
        raise named_by.error(reason)
    origin = COMMAND_LINE if named_by.origin == named_by.option.flag else named_by.origin
    return config_file.read(path, named_by.option.flag, origin)


def _find_in_file(option: Option, file: ConfigFile | None) -> RawOption | None:
    if file is None or option.file_key is None or option.file_key not in file.values:
        return None
    value = file.values[option.file_key]
    return RawOption(option=option, texts=value.texts, origin=f"{file.source}:{value.line}")


def _resolve(values: dict[str, Any], effective: Mapping[str, RawOption]) -> None:
    """Replace ``all`` and the default of ``--sink`` with the values that they stand for."""
    for name in ("output_file", "machine_type_file", "namespace"):  # here, empty is a valid value
        values[name] = str(values[name] or "")
    if "all" in values["extra_labels"]:
        values["extra_labels"] = EXTRA_LABELS
    sinks = effective["sinks"]
    if sinks.origin == "default":
        values["sinks"] = ("file",) if values["output_file"] else ("stdout",)
        if values["use_node_feature_api"]:
            values["sinks"] = ("nodefeature",)
    elif not values["sinks"]:
        raise sinks.error(f"no sink is given; choose {join_words(SINKS)}")


def _list_warnings(file: ConfigFile, is_strict: bool) -> tuple[str, ...]:
    """Return the warnings about the file. Raises ConfigError for an unknown key under --strict-config."""
    for key in file.unknown_keys if is_strict else ():
        reason = f"unknown key; correct or remove it, or leave out --strict-config{key.hint}"
        raise ConfigError(key.path, f"{file.source}:{key.line}", reason)
    unknown = (
        f"{file.source}:{key.line}: unknown key {key.path} is ignored{key.hint}" for key in file.unknown_keys
    )
    return (*file.warnings, *unknown)


def _describe(raw: RawOption, value: Any) -> EffectiveOption:
    """Return an option for output: a bool or list as gfd parsed it, anything else as the user wrote it."""
    text = format_value(value) if raw.option.kind in {"bool", "list"} else "".join(raw.texts[-1:])
    return EffectiveOption(option=raw.option, text=text, origin=raw.origin)
