"""Say why a flag of a command line is wrong, and what to type instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.cli.program import find_name, replace_name
from gfd.config.options import COMMAND_LINE, OPTIONS
from gfd.errors import ConfigError
from gfd.text import join_words, suggest

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from gfd.cli.commands.command import Command
    from gfd.config.model import LoadedConfig
    from gfd.config.option import Option

_FIELDS = frozenset(option.field for option in OPTIONS)


def explain_unknown_flag(
    typed: str, known: Iterable[str], name: str, commands: Mapping[str, Command]
) -> ConfigError:
    """Return the error for a flag that is no general option and no option of the command ``name``.

    ``name`` is empty if no command stands before the flag.
    """
    flag = f"--{typed.lstrip('-')}"
    takers = [each for each, command in commands.items() if _takes(command, {typed, flag})]
    program = f"{find_name()} {name}".rstrip()
    if name and flag.lower() in commands[name].flag_hints:
        reason = replace_name(commands[name].flag_hints[flag.lower()])
    elif takers and name:
        reason = f"{program} does not take this option; {_list_programs(takers)}"
    elif takers:
        reason = (
            f"write it after the command: {' or '.join(f'{find_name()} {each} {typed}' for each in takers)}"
        )
    else:
        suggestion = _suggest_flag(flag, known) or ";"
        reason = f"unknown flag{suggestion} {program} --help-all lists all flags"
    return ConfigError(typed, COMMAND_LINE, reason)


def refuse_unused_flags(
    flags: Sequence[tuple[str, Option]], name: str, commands: Mapping[str, Command]
) -> None:
    """Raise ConfigError for the first general option that the command ``name`` would ignore."""
    command = commands[name]
    for typed, option in flags:
        if option.field not in _FIELDS or option.field in command.accepted_fields:
            continue
        program = f"{find_name()} {name}"
        if _takes(command, {typed}):
            reason = f"before the command, it means {option.flag}; write {program} {typed}"
        else:
            takers = [each for each, other in commands.items() if option.field in other.accepted_fields]
            reason = f"{program} does not take this option; {_list_programs(['', *takers])}"
        raise ConfigError(typed, COMMAND_LINE, reason)


def refuse_unread_flags(
    command: Command, name: str, loaded: LoadedConfig, values: Mapping[str, object]
) -> None:
    """Raise ConfigError for a flag that the command ignores, because it reads nodes from somewhere else.

    That is a flag about a machine where it reads the cluster or a file, or about the cluster with --nodes.
    """
    if values.get("nodes_file") and not loaded.config.config_dir:
        for setting in loaded.options:
            if setting.option.field in {"kubeconfig", "context"} and setting.origin in setting.option.flags:
                reason = "--nodes reads the nodes from a file; leave out one of the two"
                raise ConfigError(setting.option.flag, COMMAND_LINE, reason)
    if loaded.config.simulate:
        reason = "has no effect together with --simulate; leave one of them out"
        refuse_ignored_flags(loaded, ("device_discovery_strategy",), reason)
    if values.get("inventory"):
        reason = "has no effect on the snapshot of --inventory; pass it to gfd snapshot"
        refuse_ignored_flags(loaded, ("device_discovery_strategy", "unified_memory"), reason)
    if loaded.config.simulate or any(values[field] for field in command.machine_sources):
        return
    needed = join_words(("--simulate", *command.machine_sources.values()))
    for setting in loaded.options:
        option = setting.option
        is_ignored = option.field in command.machine_options and option.field not in command.general_options
        if is_ignored and setting.origin in option.flags:
            reason = f"{find_name()} {name} uses it only together with {needed}"
            raise ConfigError(option.flag, COMMAND_LINE, reason)


def refuse_ignored_flags(loaded: LoadedConfig, fields: Container[str], reason: str) -> None:
    """Raise ConfigError for a flag on the command line whose option is one of ``fields``."""
    for setting in loaded.options:
        if setting.option.field in fields and setting.origin in setting.option.flags:
            raise ConfigError(setting.option.flag, COMMAND_LINE, reason)


def _suggest_flag(flag: str, known: Iterable[str]) -> str:
    # Every flag with that letter would be like a flag of one letter.
    return suggest(flag, known) if len(flag) > len("--x") else ""


def _takes(command: Command, flags: set[str]) -> bool:
    return any(not flags.isdisjoint(option.flags) for option in command.options)


def _list_programs(names: Sequence[str]) -> str:
    """Return which commands take an option; an empty name is the service."""
    program = find_name()
    shown = [f"{program} {name}" if name else f"the service ({program} without a command)" for name in names]
    return f"only {join_words(shown, 'and')} {'do' if len(shown) > 1 else 'does'}"
