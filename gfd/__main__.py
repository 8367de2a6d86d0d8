"""``python -m gfd``, and the console scripts: signals are seen to before the imports that take time."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> NoReturn:
    """Run gfd with this process's arguments and exit."""
    _fill_descriptors()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    from gfd import cli

    cli.main()


def _fill_descriptors() -> None:
    """Put /dev/null in the place of standard streams that are closed, or other files would get their numbers.

    What is written to standard output then fails, since it is opened for reading only.
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
    """End by the signal, without a traceback."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container is not ended by its signals


if __name__ == "__main__":
    main()
