"""One cycle: read, resolve, render, publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.errors import PublishError
from gfd.render import Templates
from gfd.resources import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gfd.config import Config
    from gfd.inventory import Inventory
    from gfd.labels import Labels
    from gfd.sinks import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a cycle did."""

    inventory: Inventory
    labels: Labels
    changed: tuple[str, ...]
    """Names of the sinks in which something changed."""
    errors: tuple[PublishError, ...]


class Cycle:
    """What stays the same from cycle to cycle: configuration, templates, sinks."""

    def __init__(
        self, config: Config, probe: Callable[[], Inventory], sinks: Sequence[Sink], timestamp_s: int
    ) -> None:
        """``timestamp_s`` is when the configuration was loaded. Raises TemplateError."""
        self._config = config
        self._probe = probe
        self._sinks = sinks
        self._timestamp_s = None if config.no_timestamp else timestamp_s
        self._templates = Templates(config.template_dir, config.label_prefix_allow)
        self._templates.check(config.mig_strategy, config.extra_labels)

    def run(self) -> Outcome:
        """Go once through the pipeline.

        Raises GfdError before anything was published; what fails to publish is in the outcome, since the
        other sinks go on.
        """
        inventory = self._probe()
        labels = self.label(inventory)
        changed: list[str] = []
        errors: list[PublishError] = []
        for sink in self._sinks:
            try:
                if sink.publish(labels):
                    changed.append(sink.name)
            except PublishError as error:
                errors.append(error)
        return Outcome(inventory=inventory, labels=labels, changed=tuple(changed), errors=tuple(errors))

    def label(self, inventory: Inventory) -> Labels:
        """Return the labels for ``inventory``. Raises GfdError."""
        node = resolve(
            inventory,
            mig_strategy=self._config.mig_strategy,
            sharing=self._config.sharing,
            timestamp=self._timestamp_s,
        )
        return self._templates.render(node, inventory, self._config.extra_labels)

    def close(self) -> None:
        """Let go of the sinks; what was published stays."""
        for sink in self._sinks:
            sink.close()
