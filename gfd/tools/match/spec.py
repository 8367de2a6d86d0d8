"""What a pod asks of the Node that it runs on, as far as GPUs are concerned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.kube.requirements import Requirement
    from gfd.tools.match.selectors import Preference, Term
    from gfd.tools.match.taints import Toleration


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The part of a PodSpec that :mod:`gfd.tools.match.fit` judges."""

    node_selector: tuple[Requirement, ...] = ()
    terms: tuple[Term, ...] | None = None
    """Of the required nodeAffinity, any of which is enough; None: there is none."""
    preferences: tuple[Preference, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    """With those that Kubernetes adds."""
    requests: Mapping[str, int] = field(default_factory=dict)
    """Devices by resource name, NVIDIA's only; 0 is as absent."""
    node_name: str = ""
    """The Node that it is put on, past the scheduler; empty for none."""
    placed_on: str = ""
    """The Node that it runs on already, and whose devices it has."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where what has no line of its own stands: resources by their names, and ``nodeName``."""

    def requirements(self) -> Iterator[Requirement]:
        """Yield all that is required of labels, of every term."""
        yield from self.node_selector
        for term in self.terms or ():
            yield from term.expressions
