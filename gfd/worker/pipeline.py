"""One cycle: read, resolve, render; then :mod:`gfd.publishing.publisher` publishes.

What speaks to the driver, and templates of the operator's own, run in a process of their own
(:mod:`gfd.worker`), under a deadline.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gfd import limits
from gfd.limits import silent
from gfd.worker import discovery

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.inventory.model import Inventory
    from gfd.labels.render import Templates
    from gfd.labels.resources import Node
    from gfd.labels.sources import Source
    from gfd.limits import Note
    from gfd.worker.discovery import ProbeResult
    from gfd.worker.request import Request
    from gfd.worker.result import CycleResult


def label(order: Request, note: Note) -> dict[str, Any]:
    """Read, resolve and render; return a Reading as plain values. Raises GfdError."""
    from gfd.inventory.snapshot import to_plain

    plain: dict[str, Any] = to_plain(answer(order, discovery.read(order.config, order.inventory, note), note))
    return plain


class Repeated:
    """The cycles of one order in one process: what cannot have changed is not asked, nor rendered, again."""

    def __init__(self, order: Request) -> None:
        """``order`` is to label this node by gfd's own templates, which :func:`prepare` made ready."""
        self._order = order
        self._found: ProbeResult | None = None
        """By the last read, if that led to labels."""
        self._said: dict[str, Any] = {}

    def label(self, note: Note) -> dict[str, Any]:
        """Return what :func:`label` does. Raises GfdError."""
        from gfd.inventory.snapshot import to_plain

        before, self._found = self._found, None
        found = discovery.read(self._order.config, None, note, known=before.inventory if before else None)
        if found != before:
            self._said = to_plain(answer(self._order, found, note))
        self._found = found
        return self._said

    @property
    def can_go_on(self) -> bool:
        """Whether the last read left nothing behind, and nothing open, that a new process is needed for."""
        return self._found is not None and discovery.is_sound(self._found)


def answer(order: Request, found: ProbeResult, note: Note = silent) -> CycleResult:
    """Resolve and render what was found. Raises GfdError."""
    node = resolve(order, found.inventory)
    if order.templates:
        limits.impose()
    labels = prepare(order, note).render(node, found.inventory, order.config.extra_labels, note)
    return found.summarise(labels, node.failed)


def check(order: Request, note: Note) -> dict[str, Any]:
    """Find out whether ``order`` could be labelled by: machine to simulate, templates. Raises GfdError."""
    discovery.check(order.config)
    limits.impose()
    prepare(order, note)
    return {}


def read(order: Request, note: Note, *, is_complete: bool = False) -> dict[str, Any]:
    """Read as :func:`gfd.worker.discovery.read` does; return a plain ProbeResult. Raises GfdError."""
    return discovery.to_plain(discovery.read(order.config, order.inventory, note, is_complete=is_complete))


JOBS: dict[str, Callable[[Request, Note], dict[str, Any]]] = {
    "label": label,
    "check": check,
}


def resolve(order: Request, inventory: Inventory) -> Node:
    """Return the node that ``inventory`` describes, as ``order`` wants it. Raises ProbeError, ConfigError."""
    from gfd.labels import resources

    return resources.resolve(
        inventory,
        mig_strategy=order.config.mig_strategy,
        sharing=order.config.sharing,
        timestamp=None if order.config.no_timestamp else order.timestamp_s,
    )


def prepare(order: Request, note: Note = silent) -> Templates:
    """Return the templates of ``order``, compiled, once for each process. Raises TemplateError."""
    templates = _make(order.templates, order.config.label_prefix_allow)
    templates.compile(order.config.mig_strategy, order.config.extra_labels, note)
    return templates


@lru_cache(maxsize=1)
def _make(sources: tuple[Source, ...], prefixes: tuple[str, ...]) -> Templates:
    from gfd.labels.render import Templates

    return Templates(sources, prefixes)
