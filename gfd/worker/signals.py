"""The signals that the service takes."""

from __future__ import annotations

import signal

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
RELOADING = signal.SIGHUP
