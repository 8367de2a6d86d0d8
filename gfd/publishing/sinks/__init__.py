"""The destinations of labels: one class each, in a module with the same name.

A sink always publishes the complete set of labels. To add a sink, write a class with the methods of
:class:`Sink` and add an entry to :data:`SINKS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config.model import Config
    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange
    from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
    from gfd.publishing.sinks.previous_publication import PreviousPublication

    Warn = Callable[[str], None]


class Sink(Protocol):
    """A destination of labels."""

    name: str

    @property
    def target(self) -> str:
        """Where the labels go, for messages: a path, ``nodes/n1``."""

    def publish(self, labels: Labels) -> bool:
        """Replace the published labels; return whether anything changed. Raises PublishError."""

    def withdraw(self) -> bool:
        """Remove the published labels; return whether there were any. Raises PublishError."""

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return what :meth:`publish` would change, and the keys of other writers, sorted by key.

        Does not write anything. Raises PublishError.
        """

    def has_labels(self) -> bool:
        """Return whether labels are published, including those of an earlier process."""

    def watch(self, on_drift: Callable[[Drift], None]) -> None:
        """Call ``on_drift``, from any thread, when somebody else changes the published labels."""

    def inspect(self) -> None:
        """Check for changes by others, if no watch reports them."""

    def close(self) -> None:
        """Release resources; the published labels stay."""


def _make_file(config: Config, warn: Warn) -> Sink:
    from pathlib import Path

    from gfd.publishing.sinks.file import FileSink

    # Renew this early, so that two more cycles can fail before the labels expire.
    renew_s = 2 * (config.sleep_interval_s or 0)
    return FileSink(Path(config.output_file), ttl_s=config.label_ttl_s, renew_s=renew_s)


def _make_stdout(config: Config, warn: Warn) -> Sink:
    from gfd.publishing.sinks.stdout import StdoutSink

    return StdoutSink()


def _make_client(config: Config) -> NodeFeatureClient:
    from gfd.kube.client import share
    from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient

    return NodeFeatureClient(
        share(config),
        node_name=config.node_name or "",
        namespace=config.namespace,
        pod_name=config.pod_name,
    )


def _make_node_feature(config: Config, warn: Warn) -> Sink:
    from gfd.publishing.sinks.nodefeature import NodeFeatureSink

    return NodeFeatureSink(_make_client(config), resync_s=config.resync_s, warn=warn)


def make_previous_publication(config: Config) -> PreviousPublication:
    """Return what can find labels that an earlier sink left to NFD, for ``--sink node``."""
    from pathlib import Path

    from gfd.publishing.sinks.previous_publication import PreviousPublication

    return PreviousPublication(_make_client(config), Path(config.output_file))


def _make_node(config: Config, warn: Warn) -> Sink:
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
        leaves_clique=not config.has_device_plugin,
    )


SINKS: dict[str, Callable[[Config, Warn], Sink]] = {
    "file": _make_file,
    "stdout": _make_stdout,
    "nodefeature": _make_node_feature,
    "node": _make_node,
}
"""Functions that make a sink, by the name in ``--sink``. They import late, because libraries cost memory."""


def make_sinks(config: Config, warn: Warn) -> list[Sink]:
    """Return the sinks of ``config``; they call ``warn`` with each warning, a sentence."""
    return [SINKS[name](config, warn) for name in config.sinks]
