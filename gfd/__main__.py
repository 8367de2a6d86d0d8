"""``python -m gfd``, and the console scripts: signals are seen to before the imports that take time."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> NoReturn:
    """Run gfd with this process's arguments and exit."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    from gfd import cli

    cli.main()


def _end(number: int, _frame: FrameType | None) -> None:
    """End by the signal, without a traceback."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container is not ended by its signals


if __name__ == "__main__":
    main()
