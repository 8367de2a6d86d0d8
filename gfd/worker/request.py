"""What is asked of a cycle: a value that a process can hand to another."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gfd.config.load import Config
    from gfd.inventory.model import Inventory
    from gfd.labels.sources import Source


class Request(NamedTuple):
    """All that a cycle depends on, besides the hardware."""

    config: Config
    job: str = "label"
    """A key of :data:`gfd.worker.pipeline.JOBS`."""
    templates: tuple[Source, ...] = ()
    """The operator's own."""
    timestamp_s: int = 0
    """When the configuration was loaded, in Unix seconds."""
    inventory: Inventory | None = None
    """What to label instead of what the hardware is."""
    is_fresh: bool = False
    """Whether nothing may be taken from the read before: something has changed since."""


def build_request(config: Config, *, inventory: Inventory | None = None) -> Request:
    """Return the order that ``config`` means, now. Raises TemplateError for templates that are unreadable."""
    templates: tuple[Source, ...] = ()
    if config.template_dir:
        from gfd.labels import sources

        templates = sources.read(config.template_dir)
    return Request(config=config, templates=templates, timestamp_s=int(time.time()), inventory=inventory)
