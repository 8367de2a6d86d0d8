"""Find the topology domain of a node: the nodes with the same value of one label."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.clusterview.nodes import Node

    Domain = tuple[str, str]

HOSTNAME = "kubernetes.io/hostname"
"""The label that every kubelet gives to its node."""


def find_domain(key: str, node: Node) -> Domain | None:
    """Return the label and its value on a node; None if the node lacks it.

    A simulated machine has only the labels of gfd; it counts as a domain of ``kubernetes.io/hostname``.
    """
    if key in node.labels:
        return (key, node.labels[key])
    return (key, node.name) if key == HOSTNAME and node.is_simulated else None


def list_domains(node: Node) -> Iterator[Domain]:
    """Yield all topology domains of a node."""
    yield from node.labels.items()
    if node.is_simulated and HOSTNAME not in node.labels:
        yield (HOSTNAME, node.name)


def describe_missing(key: str) -> str:
    """Return why a topology domain of a simulated machine is unknown."""
    return f"a simulated machine has no label {key}"


def describe_domain(key: str, node: Node, what: str) -> str:
    """Return ``what`` and the domain of a node in words, or that the node lacks the label."""
    domain = find_domain(key, node)
    return f"{what} in {domain[1]}" if domain else f"no label {key}"
