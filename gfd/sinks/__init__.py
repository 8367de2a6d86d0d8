"""Where labels go: one short file a sink.

A sink takes a whole label set and makes it the published one. A new sink is a file here and an entry in
:data:`SINKS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config import Config
    from gfd.labels import Labels


class Sink(Protocol):
    """A place for labels."""

    name: str

    def publish(self, labels: Labels) -> bool:
        """Make ``labels`` the published ones; return whether that changed anything.

        Raises PublishError.
        """

    def withdraw(self) -> bool:
        """Take back what was published; return whether there was any. Raises PublishError."""

    def has_labels(self) -> bool:
        """Return whether labels are published, perhaps by who ran before."""

    def close(self) -> None:
        """Let go of what the sink holds; what was published stays."""


def _file(config: Config) -> Sink:
    from pathlib import Path

    from gfd.sinks.file import FeatureFile

    # Labels are renewed while two more cycles have time to.
    renew_s = 2 * (config.sleep_interval_s or 0)
    return FeatureFile(Path(config.output_file), ttl_s=config.label_ttl_s, renew_s=renew_s)


def _stdout(config: Config) -> Sink:
    from gfd.sinks.stdout import Stdout

    return Stdout()


SINKS: dict[str, Callable[[Config], Sink]] = {"file": _file, "stdout": _stdout}
"""Name -> maker."""
