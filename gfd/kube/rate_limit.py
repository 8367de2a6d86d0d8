"""Limit requests with a token bucket, as Kubernetes' clients do."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RateLimiter:
    """Allows ``burst`` requests at once, and ``qps`` requests per second on average."""

    def __init__(
        self,
        qps: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._qps, self._burst = qps, float(burst)
        self._tokens, self._updated_s = float(burst), clock()
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until the next request is allowed."""
        with self._lock:
            now_s = self._clock()
            self._tokens = min(self._burst, self._tokens + (now_s - self._updated_s) * self._qps) - 1
            self._updated_s = now_s
            delay_s = max(0.0, -self._tokens / self._qps)
        if delay_s:
            self._sleep(delay_s)
