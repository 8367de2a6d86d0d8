"""structlog, configured once: JSON for collectors, readable lines on a terminal.

Events are named ``noun.past_verb`` and carry their facts as fields.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor


def configure(level: str = "info", log_format: str = "auto") -> FilteringBoundLogger:
    """Send log lines of ``level`` and above to standard error; return the logger.

    ``log_format`` is ``json``, ``console``, or ``auto``: readable where standard error is a terminal.
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
    # APScheduler speaks through the standard library, and what it has to say is said by the cycle.
    logging.getLogger("apscheduler").addHandler(logging.NullHandler())
    logging.getLogger("apscheduler").propagate = False
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def is_json(log_format: str) -> bool:
    """Return whether log lines of that format are JSON; ``auto`` is JSON unless a terminal shows them."""
    return log_format == "json" or (log_format != "console" and not sys.stderr.isatty())
