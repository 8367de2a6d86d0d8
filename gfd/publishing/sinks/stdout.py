"""Standard output: one ``key=value`` line a label, whenever they change."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.errors import PublishError
from gfd.publishing.sinks.feature_text import format_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange


class StdoutSink:
    """The labels as text, for people and pipes."""

    name = "stdout"

    def __init__(self) -> None:
        self._written: str | None = None

    @property
    def target(self) -> str:
        """Where it goes."""
        return "standard output"

    def publish(self, labels: Labels) -> bool:
        """Print the labels if they are not what was printed last. Raises PublishError."""
        text = format_labels(labels)
        if text == self._written:
            return False
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            raise PublishError(self.name, "standard output", error.strerror or str(error)) from error
        self._written = text
        return True

    def withdraw(self) -> bool:
        """Forget what was printed: it cannot be taken back."""
        self._written = None
        return False

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return nothing: what was printed is not kept."""
        return []

    def has_labels(self) -> bool:
        """Return whether labels were printed."""
        return self._written is not None

    def follow(self, changed: Callable[[Drift], None]) -> None:
        """Say nothing: what is printed stays as it is."""

    def inspect(self) -> None:
        """Nothing: who reads standard output keeps it."""

    def close(self) -> None:
        """Nothing is held."""
