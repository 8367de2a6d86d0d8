"""Templates to labels.

gfd's own templates, one a MIG strategy, are Python already (:mod:`gfd.labels.compiler`). jinja2 renders
extra groups, and everything where the operator has own templates.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gfd_templates import compiled

from gfd.errors import LabelError, TemplateError
from gfd.inventory.progress import ignore_progress
from gfd.labels.rendered_label import RenderedLabel, format_value, parse_labels, split_lines
from gfd.labels.syntax import OWN_PREFIXES, Labels, check, check_ownership, complete_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.inventory.model import Inventory
    from gfd.inventory.progress import Progress
    from gfd.labels.rendered_label import Line
    from gfd.labels.resources import NodeFacts
    from gfd.labels.template_engine import TemplateEngine
    from gfd.labels.template_files import TemplateFile


class Templates:
    """The templates of a configuration.

    ``sources`` override built-in templates by name, and add theirs; names that begin with ``_`` are for
    including.
    """

    def __init__(
        self, sources: tuple[TemplateFile, ...] = (), allowed_prefixes: tuple[str, ...] = ()
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._compiled = {} if sources else compiled.TEMPLATES
        self._prefixes = (*OWN_PREFIXES, *map(complete_prefix, allowed_prefixes))

    @cached_property
    def engine(self) -> TemplateEngine:
        """The templates as jinja2 sees them."""
        from gfd.labels.template_engine import TemplateEngine

        return TemplateEngine(self._sources)

    def names(self, mig_strategy: str, extra_groups: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the templates that make up the labels, in order."""
        extra = (f"extra/{group}.j2" for group in extra_groups)
        added = (name for name in self._sources if "/" not in name and not name.startswith("_"))
        return (f"{mig_strategy}.j2", *extra, *(name for name in added if name not in compiled.TEMPLATES))

    def compile(
        self, mig_strategy: str, extra_groups: Iterable[str] = (), progress: Progress = ignore_progress
    ) -> None:
        """Compile every template that :meth:`render` would use, or include. Raises TemplateError."""
        wanted = [name for name in self.names(mig_strategy, extra_groups) if name not in self._compiled]
        for name in (*sorted(self._sources), *wanted):
            progress(f"compiling template {name}")
            self.engine.compile(name)

    def render(
        self,
        node: NodeFacts,
        inventory: Inventory,
        extra_groups: Iterable[str] = (),
        progress: Progress = ignore_progress,
    ) -> Labels:
        """Return the labels of a node, sorted by key. Raises TemplateError and LabelError."""
        return {
            written.key: written.value
            for written in sorted(self.write(node, inventory, extra_groups, progress), key=lambda w: w.key)
        }

    def write(
        self,
        node: NodeFacts,
        inventory: Inventory,
        extra_groups: Iterable[str] = (),
        progress: Progress = ignore_progress,
    ) -> tuple[RenderedLabel, ...]:
        """Return the labels with their origins, checked, in the order the templates wrote them."""
        labels: dict[str, RenderedLabel] = {}
        for name in self.names(node.mig_strategy, extra_groups):
            progress(f"template {name}")
            for written in parse_labels(self._render(name, node, inventory)):
                if written.key in labels:
                    rule = f"this key is already written by {labels[written.key].origin}"
                    raise LabelError(written.key, written.value, rule, written.origin)
                check(written.key, written.value, written.origin)
                check_ownership(written.key, written.value, self._prefixes, written.origin)
                labels[written.key] = written
        return tuple(labels.values())

    def _render(self, name: str, node: NodeFacts, inventory: Inventory) -> Iterable[Line]:
        if write := self._compiled.get(name):
            try:
                return tuple(write(node, inventory, format_value))
            except Exception as error:  # compiled code can raise what the templates' expressions raise
                raise _locate(error) from error
        return split_lines(name, self.engine.render(name, {"node": node, "inventory": inventory}))


def _locate(error: Exception) -> TemplateError:
    """Return ``error`` as one that names the line of the compiled templates that raised it."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    own = (frame for frame in reversed(frames) if frame.filename == compiled.__file__)
    frame = next(own, frames[-1])
    return TemplateError(Path(frame.filename).name, frame.lineno or 0, str(error), frame.line or "")
