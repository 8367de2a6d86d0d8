"""Render templates to labels.

gfd ships one template for each MIG strategy, compiled to Python (:mod:`gfd.labels.compiler`). jinja2 renders
extra groups, and every template if the operator has templates too.
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

    A template in ``sources`` replaces the built-in template of the same name, or is added. Templates whose
    names start with ``_`` are only included by others.
    """

    def __init__(
        self, sources: tuple[TemplateFile, ...] = (), allowed_prefixes: tuple[str, ...] = ()
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._compiled = {} if sources else compiled.TEMPLATES
        self._prefixes = (*OWN_PREFIXES, *map(complete_prefix, allowed_prefixes))

    @cached_property
    def engine(self) -> TemplateEngine:
        """The jinja2 environment with all templates."""
        from gfd.labels.template_engine import TemplateEngine

        return TemplateEngine(self._sources)

    def list_names(self, mig_strategy: str, extra_groups: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the names of the templates to render, in order."""
        extra = (f"extra/{group}.j2" for group in extra_groups)
        added = (name for name in self._sources if "/" not in name and not name.startswith("_"))
        return (f"{mig_strategy}.j2", *extra, *(name for name in added if name not in compiled.TEMPLATES))

    def compile(
        self, mig_strategy: str, extra_groups: Iterable[str] = (), progress: Progress = ignore_progress
    ) -> None:
        """Compile every template that :meth:`render` uses or includes. Raises TemplateError."""
        wanted = [name for name in self.list_names(mig_strategy, extra_groups) if name not in self._compiled]
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
        """Render the labels of a node, sorted by key. Raises TemplateError and LabelError."""
        return {
            label.key: label.value
            for label in sorted(
                self.render_with_origins(node, inventory, extra_groups, progress), key=lambda label: label.key
            )
        }

    def render_with_origins(
        self,
        node: NodeFacts,
        inventory: Inventory,
        extra_groups: Iterable[str] = (),
        progress: Progress = ignore_progress,
    ) -> tuple[RenderedLabel, ...]:
        """Render and check the labels, in the order of the templates. Raises TemplateError and LabelError."""
        labels: dict[str, RenderedLabel] = {}
        for name in self.list_names(node.mig_strategy, extra_groups):
            progress(f"rendering template {name}")
            for label in parse_labels(self._render(name, node, inventory)):
                if label.key in labels:
                    rule = f"the key is already set by {labels[label.key].origin}"
                    raise LabelError(label.key, label.value, rule, label.origin)
                check(label.key, label.value, label.origin)
                check_ownership(label.key, label.value, self._prefixes, label.origin)
                labels[label.key] = label
        return tuple(labels.values())

    def _render(self, name: str, node: NodeFacts, inventory: Inventory) -> Iterable[Line]:
        if render := self._compiled.get(name):
            try:
                return tuple(render(node, inventory, format_value))
            except Exception as error:  # a template's expressions can raise anything
                raise _locate(error) from error
        return split_lines(name, self.engine.render(name, {"node": node, "inventory": inventory}))


def _locate(error: Exception) -> TemplateError:
    """Turn ``error`` into a TemplateError that names the line of the compiled templates."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    own = (frame for frame in reversed(frames) if frame.filename == compiled.__file__)
    frame = next(own, frames[-1])
    return TemplateError(Path(frame.filename).name, frame.lineno or 0, str(error), frame.line or "")
