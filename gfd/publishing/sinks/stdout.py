"""Standard output: one ``key=value`` line per label, printed when the labels change."""

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
        self._printed: str | None = None

    @property
    def target(self) -> str:
        """Standard output."""
        return "standard output"

    def publish(self, labels: Labels) -> bool:
        """Print the labels if they differ from the last printed ones. Raises PublishError."""
        text = format_labels(labels)
        if text == self._printed:
            return False
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            raise PublishError(self.name, self.target, error.strerror or str(error)) from error
        self._printed = text
        return True

    def withdraw(self) -> bool:
        """Return False: printed text cannot be removed."""
        self._printed = None
        return False

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return nothing: printed text cannot be read again."""
        return []

    def has_labels(self) -> bool:
        """Return whether labels were printed."""
        return self._printed is not None

    def watch(self, on_drift: Callable[[Drift], None]) -> None:
        """Do nothing: nobody can change printed text."""

    def inspect(self) -> None:
        """Do nothing: nobody can change printed text."""

    def close(self) -> None:
        """Do nothing: no resources are held."""
