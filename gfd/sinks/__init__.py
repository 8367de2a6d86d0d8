"""Where labels go: one short file a sink.

A sink takes a whole label set and makes it the published one. A new sink is a file here and an entry in
:data:`SINKS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.labels import Labels


class Sink(Protocol):
    """A place for labels."""

    name: str

    def publish(self, labels: Labels) -> bool:
        """Make ``labels`` the published ones; return whether that changed anything.

        Raises PublishError.
        """

    def close(self) -> None:
        """Let go of what the sink holds; what was published stays."""


def _file(output_file: str, label_ttl_s: float | None) -> Sink:
    from pathlib import Path

    from gfd.sinks.file import FeatureFile

    return FeatureFile(Path(output_file), label_ttl_s)


def _stdout(output_file: str, label_ttl_s: float | None) -> Sink:
    from gfd.sinks.stdout import Stdout

    return Stdout()


SINKS: dict[str, Callable[[str, float | None], Sink]] = {"file": _file, "stdout": _stdout}
"""Name -> maker, from the output file's path and the labels' time to live in seconds."""
