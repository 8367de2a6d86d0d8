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
    from gfd.publishing.preview import Prospect
    from gfd.publishing.sinks.former import Former

    Tell = Callable[[str], None]


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

    def foresee(self, labels: Labels) -> list[Prospect]:
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


def _file(config: Config, tell: Tell) -> Sink:
    from pathlib import Path

    from gfd.publishing.sinks.file import FeatureFile

    # Labels are renewed while two more cycles have time to.
    renew_s = 2 * (config.sleep_interval_s or 0)
    return FeatureFile(Path(config.output_file), ttl_s=config.label_ttl_s, renew_s=renew_s)


def _stdout(config: Config, tell: Tell) -> Sink:
    from gfd.publishing.sinks.stdout import Stdout

    return Stdout()


def _node_feature(config: Config, tell: Tell) -> Sink:
    from gfd.kube.client import share
    from gfd.publishing.sinks.nodefeature import NodeFeature

    return NodeFeature(
        share(config),
        node_name=config.node_name or "",
        namespace=config.namespace,
        pod_name=config.pod_name,
        resync_s=config.resync_s,
    )


def make_former(config: Config) -> Former:
    """Return what may stand in the way of ``--sink node``."""
    from pathlib import Path

    from gfd.kube.client import share
    from gfd.publishing.sinks.former import Former

    return Former(
        share(config),
        node_name=config.node_name or "",
        namespace=config.namespace,
        pod_name=config.pod_name,
        feature_file=Path(config.output_file),
    )


def _node(config: Config, tell: Tell) -> Sink:
    from gfd.kube.client import share
    from gfd.publishing.sinks.node import Node

    return Node(
        share(config),
        former=None if {"file", "nodefeature"} & set(config.sinks) else make_former(config),
        node_name=config.node_name or "",
        is_forcing=config.force_conflicts,
        as_annotations=config.as_annotations,
        resync_s=config.resync_s,
        tell=tell,
    )


SINKS: dict[str, Callable[[Config, Tell], Sink]] = {
    "file": _file,
    "stdout": _stdout,
    "nodefeature": _node_feature,
    "node": _node,
}
"""Name -> maker, from a configuration and what takes a sentence that a person should read."""


def make_sinks(config: Config, tell: Tell) -> list[Sink]:
    """Return the sinks that ``config`` names; ``tell`` gets sentences that a person should read."""
    return [SINKS[name](config, tell) for name in config.sinks]
