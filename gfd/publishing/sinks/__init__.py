"""Where labels go: one short file a sink.

A sink takes a whole label set and makes it the published one. A new sink is a file here and an entry in
:data:`SINKS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config.load import Config
    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange
    from gfd.publishing.sinks.previous_publication import PreviousPublication

    Warn = Callable[[str], None]


class Sink(Protocol):
    """A place for labels."""

    name: str

    @property
    def target(self) -> str:
        """What a person knows the place by: a path, ``nodes/n1``."""

    def publish(self, labels: Labels) -> bool:
        """Make ``labels`` the published ones; return whether that changed anything.

        Raises PublishError.
        """

    def withdraw(self) -> bool:
        """Take back what was published; return whether there was any. Raises PublishError."""

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return what :meth:`publish` would change, and what others publish, sorted by key.

        Nothing is written. Raises PublishError.
        """

    def has_labels(self) -> bool:
        """Return whether labels are published, perhaps by who ran before."""

    def follow(self, changed: Callable[[Drift], None]) -> None:
        """Call ``changed``, from any thread, when somebody changes what is published, if that can be told."""

    def inspect(self) -> None:
        """Look whether somebody changed what is published, where only looking tells, and say so like that."""

    def close(self) -> None:
        """Let go of what the sink holds; what was published stays."""


def _file(config: Config, warn: Warn) -> Sink:
    from pathlib import Path

    from gfd.publishing.sinks.file import FileSink

    # Labels are renewed while two more cycles have time to.
    renew_s = 2 * (config.sleep_interval_s or 0)
    return FileSink(Path(config.output_file), ttl_s=config.label_ttl_s, renew_s=renew_s)


def _stdout(config: Config, warn: Warn) -> Sink:
    from gfd.publishing.sinks.stdout import StdoutSink

    return StdoutSink()


def _node_feature(config: Config, warn: Warn) -> Sink:
    from gfd.kube.client import share
    from gfd.publishing.sinks.nodefeature import NodeFeatureSink

    return NodeFeatureSink(
        share(config),
        node_name=config.node_name or "",
        namespace=config.namespace,
        pod_name=config.pod_name,
        resync_s=config.resync_s,
    )


def make_previous_publication(config: Config) -> PreviousPublication:
    """Return what may stand in the way of ``--sink node``."""
    from pathlib import Path

    from gfd.kube.client import share
    from gfd.publishing.sinks.previous_publication import PreviousPublication

    return PreviousPublication(
        share(config),
        node_name=config.node_name or "",
        namespace=config.namespace,
        pod_name=config.pod_name,
        feature_file=Path(config.output_file),
    )


def _node(config: Config, warn: Warn) -> Sink:
    from gfd.kube.client import share
    from gfd.publishing.sinks.node import NodeSink

    return NodeSink(
        share(config),
        previous=None if {"file", "nodefeature"} & set(config.sinks) else make_previous_publication(config),
        node_name=config.node_name or "",
        is_forcing=config.force_conflicts,
        as_annotations=config.as_annotations,
        resync_s=config.resync_s,
        warn=warn,
    )


SINKS: dict[str, Callable[[Config, Warn], Sink]] = {
    "file": _file,
    "stdout": _stdout,
    "nodefeature": _node_feature,
    "node": _node,
}
"""Name -> maker, from a configuration and what takes a sentence that a person should read."""


def make_sinks(config: Config, warn: Warn) -> list[Sink]:
    """Return the sinks that ``config`` names; ``warn`` gets sentences that a person should read."""
    return [SINKS[name](config, warn) for name in config.sinks]
