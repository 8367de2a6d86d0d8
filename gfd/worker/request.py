"""The input of a cycle, other than the hardware. One process can send it to another."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gfd.config.model import Config
    from gfd.inventory.model import Inventory
    from gfd.labels.template_files import TemplateFile


class Request(NamedTuple):
    """A request to label a node."""

    config: Config
    templates: tuple[TemplateFile, ...] = ()
    """The operator's templates."""
    timestamp_s: int = 0
    """When the configuration was loaded, in Unix seconds."""
    inventory: Inventory | None = None
    """The inventory to label; None to read the hardware."""


def build_request(config: Config, *, inventory: Inventory | None = None) -> Request:
    """Read the templates of ``config`` and return a request. Raises TemplateError."""
    templates: tuple[TemplateFile, ...] = ()
    if config.template_dir:
        from gfd.labels import template_files

        templates = template_files.read(config.template_dir)
    return Request(config=config, templates=templates, timestamp_s=int(time.time()), inventory=inventory)
