"""The command line: run a command, the service or one-shot, and exit with its exit code."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from gfd import __version__
from gfd.cli.arguments import normalise, parse, read_values
from gfd.cli.exits import ExitCode
from gfd.cli.failure import FailureReporter
from gfd.cli.flag_errors import refuse_unread_flags
from gfd.config.options import ORIGINAL
from gfd.text import print_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.cli.arguments import Arguments
    from gfd.cli.commands.command import Command


_WORDS = {"help": "--help", "version": "--version"}
"""Words that mean the same as a flag, as with kubectl."""


def main() -> NoReturn:
    """Run gfd with this process's arguments and exit."""
    # Print characters that the locale lacks as escapes, instead of failing.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run(sys.argv[1:], os.environ)
    except KeyboardInterrupt:  # just before or after run
        code = ExitCode.FAILED
    if code == ExitCode.MISUSED and sys.argv[0].endswith(ORIGINAL):
        code = ExitCode.FAILED
    with suppress(OSError):  # run has already reported this error
        sys.stdout.flush()
    # A normal exit would wait for a cycle that hangs in the driver, and be slow: half the time of a read of
    # the hardware. But run the exit functions: one of the kubernetes package deletes the temporary files to
    # which it wrote the keys of a kubeconfig.
    atexit._run_exitfuncs()
    os._exit(code)


def run(argv: Sequence[str], environ: Mapping[str, str]) -> ExitCode:
    """Run gfd and return its exit code. If that is DONE, all output has been written."""
    reporter = FailureReporter(environ)
    try:
        code = _run(argv, environ, reporter)
        if code == ExitCode.DONE:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has closed the pipe
        return ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.FAILED
    except Exception as error:  # a plain traceback could show a credential
        return reporter.report(error)
    else:
        return code


def _run(argv: Sequence[str], environ: Mapping[str, str], reporter: FailureReporter) -> ExitCode:
    arguments, commands = _split(argv)
    reporter.use_arguments(arguments)
    command = commands.get(arguments.command)
    if arguments.has("--version"):
        sys.stdout.write(f"gfd {__version__}\n")
        return ExitCode.DONE
    if arguments.has("--help") or arguments.has("--help-all"):
        _print_help(arguments, commands)
        return ExitCode.DONE
    values = parse(arguments, commands)
    if command is None:
        return _label(values, environ, reporter)
    _run_command(arguments.command, command, values, environ, reporter)
    return ExitCode.DONE


def _split(argv: Sequence[str]) -> tuple[Arguments, Mapping[str, Command]]:
    """Return the parts of ``argv`` and the commands; no commands if it starts the service or one-shot."""
    if argv and argv[0] in _WORDS:
        argv = [*argv[1:], _WORDS[argv[0]]]
        argv = argv[1:] if argv[0] == "help" else argv
    if all(word.startswith("-") for word in argv):
        arguments = normalise(argv, {})
        if arguments.is_service and not arguments.errors:
            return arguments, {}
    from gfd.cli.registry import COMMANDS

    return normalise(argv, COMMANDS), COMMANDS


def _print_help(arguments: Arguments, commands: Mapping[str, Command]) -> None:
    from gfd.cli.parser import make_command_parser, make_parser
    from gfd.cli.program import find_name
    from gfd.cli.short_help import write_short_help

    is_full, name = arguments.has("--help-all"), arguments.command
    if not name:
        if arguments.words:  # a word that is no command
            raise arguments.errors[-1]
        text = make_parser(commands, is_full=is_full, program=find_name()).format_help()
    elif is_full:
        text = make_command_parser(name, commands[name]).format_help()
    else:
        text = write_short_help(name, commands[name])
    sys.stdout.write(text)


def _run_command(
    name: str,
    command: Command,
    values: Mapping[str, Any],
    environ: Mapping[str, str],
    reporter: FailureReporter,
) -> None:
    own_values = read_values(command, values)
    for field, implied in command.implied_options.items():
        if own_values[field]:
            values = {**values, **{name: values[name] or text for name, text in implied.items()}}
    if command.reads_pod_token:
        from gfd.kube.token_claims import read_pod_variables

        environ = {**environ, **read_pod_variables(environ)}
    from gfd.config.node_config import ConfigLoader

    accepted = command.accepted_fields
    loaded = ConfigLoader(
        values, environ, is_publishing="sinks" in accepted, is_labelling="allocation" in accepted
    )()
    reporter.use_config(loaded.config)
    refuse_unread_flags(command, name, loaded, own_values)
    for warning in loaded.warnings:
        _warn(warning)
    command.run(loaded, own_values)


def _label(values: Mapping[str, Any], environ: Mapping[str, str], reporter: FailureReporter) -> ExitCode:
    """Run the service, or label once."""
    from gfd.config.node_config import ConfigLoader

    load = ConfigLoader(values, environ)
    loaded = load()
    reporter.use_config(loaded.config)
    if not loaded.config.oneshot:
        from gfd.agent import main as service

        service.run(load, loaded, environ)
        return ExitCode.DONE
    from gfd.agent import oneshot

    for warning in loaded.warnings:
        _warn(warning)
    refusals = oneshot.run(loaded.config, _warn)
    for refusal in refusals:
        print_error(str(refusal))
    return ExitCode.FAILED if refusals else ExitCode.DONE


def _warn(text: str) -> None:
    print_error(f"warning: {text}")
