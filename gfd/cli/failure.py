"""Report why gfd ends: as text for a person, or as an event in the log of the service."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from gfd.cli.exits import ExitCode
from gfd.config.options import COMMAND_LINE
from gfd.config.values import parse_bool
from gfd.errors import ConfigError, GfdError, SeveralErrors, Undecided
from gfd.text import print_error, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.cli.arguments import Arguments
    from gfd.config.model import Config

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""Errors while the output is written. All other errors become a GfdError where they happen."""

_MAX_LENGTH = 500
"""The maximum number of characters of an unexpected error in a message."""


class FailureReporter:
    """Reports an error in the format that the user chose.

    Until the configuration is loaded, it takes the format from the command line and the environment.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._is_service = False
        self._log_level = environ.get("GFD_LOG_LEVEL", "")
        self._log_format = environ.get("GFD_LOG_FORMAT") or "auto"

    def use_arguments(self, arguments: Arguments) -> None:
        """Take log level and format from the command line; the configuration is not read yet."""
        is_oneshot = arguments.find("--oneshot") or self._environ.get("GFD_ONESHOT", "")
        self._is_service = arguments.is_service and not _is_true(is_oneshot)
        self._log_level = arguments.find("--log-level") or self._log_level
        self._log_format = arguments.find("--log-format") or self._log_format

    def use_config(self, config: Config) -> None:
        """Take log level and format from the configuration, which may come from a file."""
        self._is_service = self._is_service and not config.oneshot
        self._log_level, self._log_format = config.log_level, config.log_format

    def report(self, error: Exception) -> ExitCode:
        """Print or log the error; return its exit code."""
        traceback = _format_traceback(error) if self._log_level == "debug" else ""
        if not self._log(error, traceback):
            for line in (*_describe(error), *traceback.splitlines()):
                print_error(line)
        if isinstance(error, Undecided):
            return ExitCode.UNDECIDED
        is_misuse = isinstance(error, ConfigError) and error.origin == COMMAND_LINE
        return ExitCode.MISUSED if is_misuse else ExitCode.FAILED

    def _log(self, error: Exception, traceback: str) -> bool:
        """Log the error if it ends a service that logs JSON; return whether it did."""
        if not self._is_service:
            return False
        from gfd.agent import log

        if not log.is_json(self._log_format):
            return False
        log.log_failure(_describe(error), self._log_format, traceback)
        return True


def _is_true(text: str) -> bool:
    try:
        return parse_bool(text)
    except ValueError:
        return False


def _describe(error: Exception) -> list[str]:
    """Return the lines of the message for a person."""
    if isinstance(error, SeveralErrors):
        return list(map(str, error.errors))
    if isinstance(error, GfdError):
        return [str(error)]
    if isinstance(error, OSError) and error.errno in _DISK:
        return [f"cannot write the output: {error.strerror}"]
    what = f"unexpected {type(error).__name__}: {redact(str(error))[:_MAX_LENGTH]}".rstrip(": ")
    return [f"{what}; run it again with --log-level debug and report the output"]


def _format_traceback(error: Exception) -> str:
    """Return the traceback without credentials."""
    import traceback

    return redact("".join(traceback.format_exception(error)))
