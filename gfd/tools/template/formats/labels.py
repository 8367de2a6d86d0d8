"""Labels as lines ``key=value``, as ``kubectl label`` takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.template.model import FormattedTemplate

if TYPE_CHECKING:
    from gfd.tools.template.model import NodeTemplate


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the labels as lines, sorted by key."""
    lines = (f"{key}={value}\n" for key, value in sorted(template.labels.items()))
    return FormattedTemplate(text="".join(lines))
