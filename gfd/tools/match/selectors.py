"""Which Nodes a pod's selectors take, as kube-scheduler decides it.

Pure values: what has been read is legal (:mod:`gfd.tools.match.podspec` refuses the rest). Texts are in the
syntax of ``kubectl get nodes --selector``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.kube.requirements import Requirement
    from gfd.labels.syntax import Labels

NAME_FIELD = "metadata.name"
"""The one field that matchFields may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A NodeSelectorTerm: all of its requirements hold, or it does not; without any it never does."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()
    """About :data:`NAME_FIELD`."""

    def failures(self, labels: Labels, name: str) -> tuple[Requirement, ...]:
        """Return the requirements that a Node does not meet."""
        return (
            *(each for each in self.expressions if not each.matches(labels)),
            *(each for each in self.fields if not each.matches({NAME_FIELD: name})),
        )

    def matches(self, labels: Labels, name: str) -> bool:
        """Return whether a Node is taken."""
        return bool(self.expressions or self.fields) and not self.failures(labels, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A PreferredSchedulingTerm: what makes a Node better, by its weight."""

    weight: int
    """1 to 100."""
    term: Term


def score(preferences: tuple[Preference, ...], labels: Labels, name: str) -> int:
    """Return the sum of the weights of what a Node has of ``preferences``."""
    return sum(each.weight for each in preferences if each.term.matches(labels, name))
