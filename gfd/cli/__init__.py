"""The command line: which command, which exit code. The only place that exits."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from gfd import __version__
from gfd.cli.arguments import normalise
from gfd.cli.exits import ExitCode
from gfd.config.options import COMMAND_LINE, OPTIONS, ORIGINAL
from gfd.errors import ConfigError, GfdError, SeveralErrors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.cli.commands.command import Command, Words
    from gfd.config.load import Loaded
    from gfd.config.options import Option


_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What keeps output from being written, and nothing else that is not translated where it happens."""

_LONGEST = 500
"""Characters of an error that nobody foresaw."""


def main() -> NoReturn:
    """Run gfd with this process's arguments and exit."""
    # A locale without UTF-8 lacks some characters; to say less is better than to say nothing.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run(sys.argv[1:], os.environ)
    except KeyboardInterrupt:  # in the moment before or after
        code = ExitCode.FAILED
    if code == ExitCode.MISUSED and sys.argv[0].endswith(ORIGINAL):
        code = ExitCode.FAILED
    with suppress(OSError):  # what was said before something failed; that is told already
        sys.stdout.flush()
    # A normal exit would wait for a cycle that hangs in the driver, and take the interpreter apart piece by
    # piece, for half as long as it takes to read a node. But what was to be cleaned up at the exit is: the
    # kubernetes package puts keys of a kubeconfig into files.
    atexit._run_exitfuncs()
    os._exit(code)


def run(argv: Sequence[str], environ: Mapping[str, str]) -> ExitCode:
    """Run gfd and return its exit code. Where that is DONE, all output is written."""
    try:
        code = _run(argv, environ)
        if code == ExitCode.DONE:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough
        return ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.FAILED
    except Exception as error:  # nothing from outside may show as a traceback, which can quote a credential
        for line in _tell(error):
            _complain(line)
        if _is_debugging(argv, environ):
            for line in _format_traceback(error).splitlines():
                _complain(line)
        return _exit_code(error)
    else:
        return code


def _exit_code(error: Exception) -> ExitCode:
    is_misuse = isinstance(error, ConfigError) and error.origin == COMMAND_LINE
    return ExitCode.MISUSED if is_misuse else ExitCode.FAILED


def _tell(error: Exception) -> list[str]:
    """Return what a person should read about an error, line by line."""
    if isinstance(error, SeveralErrors):
        return list(map(str, error.errors))
    if isinstance(error, GfdError):
        return [str(error)]
    if isinstance(error, OSError) and error.errno in _DISK:
        return [f"the output could not be written: {error.strerror}"]
    from gfd.credentials import conceal

    what = f"unexpected {type(error).__name__}: {conceal(str(error))[:_LONGEST]}".rstrip(": ")
    return [f"{what}; run it again with --log-level debug and report what that prints"]


def _is_debugging(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    import re

    # The configuration may be what failed.
    given: list[str] = re.findall(r"(?<!\S)--?log-level[=\s](\w+)", " ".join(argv))
    return (given or [environ.get("GFD_LOG_LEVEL", "")])[-1] == "debug"


def _format_traceback(error: Exception) -> str:
    """Return the traceback without credentials."""
    import traceback

    from gfd.credentials import conceal

    return conceal("".join(traceback.format_exception(error)))


def _run(argv: Sequence[str], environ: Mapping[str, str]) -> ExitCode:
    commands = _find_commands(argv)
    words = normalise(argv, OPTIONS, {name: command.options for name, command in commands.items()})
    flags = [word for word in words if word.startswith("--")]
    name, *arguments = [word for word in words if not word.startswith("--")] or [""]
    if name and name not in commands:
        from gfd.documents.values import did_you_mean

        near = did_you_mean(name, commands)
        raise ConfigError(name, COMMAND_LINE, f"unknown command{near}; gfd --help lists them all")
    command = commands.get(name)
    if "--version" in flags:
        sys.stdout.write(f"gfd {__version__}\n")
        return ExitCode.DONE
    if "--help" in flags:
        from gfd.cli.help import write, write_command

        sys.stdout.write(write_command(name, command) if command else write(commands))
        return ExitCode.DONE
    values = _collect(flags, OPTIONS)
    if command is None:
        return _label(values, environ)
    own_values = _take_options(flags, command.options) | _take_words(name, command.words, arguments)
    for given, implied in command.implies.items():
        if own_values[given]:
            values = {**implied, **values}
    if command.asks_pod:
        from gfd.kube.token_claims import read_pod_variables

        environ = {**environ, **read_pod_variables(environ)}
    command.run(_load(values, environ), own_values)
    return ExitCode.DONE


def _find_commands(argv: Sequence[str]) -> Mapping[str, Command]:
    """Return the commands, unless ``argv`` is one that starts the service and so needs none of them."""
    names = {word.lstrip("-").partition("=")[0] for word in argv if word.startswith("-")}
    if all(word.startswith("-") for word in argv) and not {"help", "h"} & names:
        return {}
    from gfd.cli.commands import COMMANDS

    return COMMANDS


def _collect(flags: Sequence[str], options: Sequence[Option]) -> dict[str, Any]:
    """Return the texts of those ``flags`` that are among ``options``, by the options' fields."""
    by_flag = {option.flag: option for option in options}
    values: dict[str, Any] = {}
    for word in flags:
        flag, _, text = word.partition("=")
        option = by_flag.get(flag)
        if option is None:
            continue
        if option.is_repeatable:
            values.setdefault(option.field, []).append(text)
        else:
            values[option.field] = text
    return values


def _take_options(flags: Sequence[str], options: Sequence[Option]) -> dict[str, Any]:
    """Return the values of a command's own options. Raises ConfigError."""
    from gfd.config.raw import parse

    texts = _collect(flags, options)
    return {option.field: parse(option, texts.get(option.field)) for option in options}


def _take_words(name: str, words: Words | None, given: Sequence[str]) -> dict[str, Any]:
    """Return the words after a command. Raises ConfigError for a wrong number, or one that is unknown."""
    if words is None:
        if given:
            raise ConfigError(given[0], COMMAND_LINE, f"gfd {name} takes no such word; see gfd {name} --help")
        return {}
    if len(given) < words.at_least or (words.at_most is not None and len(given) > words.at_most):
        wanted = "exactly one word" if words.at_most == 1 else "a word or more"
        known = f": {', '.join(words.choices)}" if words.choices else f"; see gfd {name} --help"
        raise ConfigError(words.metavar, COMMAND_LINE, f"gfd {name} needs {wanted}{known}")
    for word in given if words.choices else ():
        from gfd.documents.values import one_of

        try:
            one_of(word, words.choices)
        except ValueError as error:
            raise ConfigError(words.metavar, COMMAND_LINE, str(error)) from None
    return {words.field: tuple(given)}


def _load(values: Mapping[str, Any], environ: Mapping[str, str]) -> Loaded:
    from gfd.config.node import Loader

    loaded = Loader(values, environ)()
    for warning in loaded.warnings:
        _warn(warning)
    return loaded


def _label(values: Mapping[str, Any], environ: Mapping[str, str]) -> ExitCode:
    from gfd.config.node import Loader

    load = Loader(values, environ)
    try:
        loaded = load()
        if not loaded.config.oneshot:
            from gfd.agent import main

            main.run(load, loaded, environ)
            return ExitCode.DONE
    except BrokenPipeError:
        raise
    except Exception as error:
        from gfd.agent import log

        log_format = values.get("log_format") or environ.get("GFD_LOG_FORMAT") or "auto"
        if values.get("oneshot") or environ.get("GFD_ONESHOT") or not log.is_json(log_format):
            raise
        level = values.get("log_level") or environ.get("GFD_LOG_LEVEL")
        log.log_failure(_tell(error), log_format, _format_traceback(error) if level == "debug" else "")
        return _exit_code(error)
    from gfd.agent import oneshot

    for warning in loaded.warnings:
        _warn(warning)
    errors = oneshot.run(loaded.config, _warn)
    for refusal in errors:
        _complain(str(refusal))
    return ExitCode.FAILED if errors else ExitCode.DONE


def _warn(text: str) -> None:
    _complain(f"warning: {text}")


def _complain(text: str) -> None:
    from gfd.printable import complain

    complain(text)
