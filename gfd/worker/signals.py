"""The signals that the service handles."""

from __future__ import annotations

import signal

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
RELOADING = signal.SIGHUP
