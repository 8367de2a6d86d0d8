"""``python -m gfd``, and the console scripts: set up signals before the imports that take time."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing takes time to import
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import NoReturn


def _print_exception(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Print a traceback, but not for Ctrl-C."""
    if kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _print_exception  # before the first import that takes time

import os  # noqa: E402
import signal  # noqa: E402


def main() -> NoReturn:
    """Run gfd with this process's arguments and exit."""
    _fill_descriptors()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    from gfd import cli

    cli.main()


def _fill_descriptors() -> None:
    """Open /dev/null for closed standard streams, or other files would get their numbers.

    Standard output is opened for reading only, so that writing to it fails.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def _end(number: int, _frame: FrameType | None) -> None:
    """End this process by the signal, without a traceback."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # in a container, the first process survives such signals


if __name__ == "__main__":
    main()
