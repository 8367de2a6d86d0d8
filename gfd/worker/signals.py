"""The signals that the service handles and its child processes ignore."""

from __future__ import annotations

import signal

END_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
RELOAD_SIGNAL = signal.SIGHUP
