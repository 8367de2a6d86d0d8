"""Configure the log: JSON for programs, readable lines on a terminal.

Events are named ``noun.past_verb`` and have their details as fields; docs/metrics.md lists all of them.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from structlog.typing import FilteringBoundLogger, Processor


def configure(level: str = "info", log_format: str = "auto") -> FilteringBoundLogger:
    """Send log lines of ``level`` and above to standard error; return the logger.

    ``log_format`` is ``json``, ``console``, or ``auto``: ``console`` if standard error is a terminal.
    """
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if is_json(log_format)
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # APScheduler logs through the standard library, but each job reports its own failures.
    logging.getLogger("apscheduler").handlers = [logging.NullHandler()]
    logging.getLogger("apscheduler").propagate = False
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def is_json(log_format: str) -> bool:
    """Return whether the format means JSON; ``auto`` does, unless standard error is a terminal."""
    return log_format == "json" or (log_format != "console" and not sys.stderr.isatty())


def log_failure(reasons: Iterable[str], log_format: str, traceback: str = "") -> None:
    """Log why the service ends, a line for each reason; an empty ``traceback`` is left out."""
    logger = configure("error", log_format)
    details = {"traceback": traceback} if traceback else {}
    for reason in reasons:
        logger.error("service.failed", reason=reason, **details)
