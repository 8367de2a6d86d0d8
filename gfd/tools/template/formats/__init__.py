"""The formats of ``gfd template``. To add one, add a module here and an entry to :data:`FORMATS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.template.formats import labels, node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.tools.template.model import FormattedTemplate, NodeTemplate

FORMATS: Mapping[str, Callable[[NodeTemplate], FormattedTemplate]] = {
    "labels": labels.write,
    "node": node.write,
}
"""By the name after ``-o``."""
