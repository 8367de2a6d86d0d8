"""Which Nodes do the pods of some files fit, and if none, why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.errors import GfdError
from gfd.text import escape
from gfd.tools.match.fit import judge_all
from gfd.tools.match.suggestions import find_nearest, find_remedies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.match.fit import Verdict
    from gfd.tools.match.index import Census
    from gfd.tools.match.pods import Pod
    from gfd.tools.match.suggestions import Nearest, Remedy

_LONGEST = 5
"""Objects that are named where there are too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Where a pod fits."""

    pod: Pod
    verdicts: Sequence[Verdict]
    """One a Node: those that it fits first, the best foremost."""
    nearest: Sequence[Nearest] = ()
    """Empty where it fits somewhere."""
    remedies: Sequence[Remedy] = ()
    """Empty where it fits somewhere, and where nothing is known to help."""

    @property
    def fitting(self) -> Sequence[Verdict]:
        """Return those of the Nodes that it fits."""
        return [each for each in self.verdicts if each.fits]


def answer(pod: Pod, census: Census) -> Answer:
    """Return where a pod fits."""
    verdicts = judge_all(pod.spec, census.nodes)
    if not verdicts or verdicts[0].fits:
        return Answer(pod=pod, verdicts=verdicts)
    return Answer(
        pod=pod,
        verdicts=verdicts,
        nearest=find_nearest(pod.spec, census),
        remedies=find_remedies(pod.spec, verdicts, census),
    )


def find_fault(answers: Sequence[Answer]) -> GfdError | None:
    """Return the error that some pods fit nowhere; None where each fits somewhere."""
    lost = [_place(each.pod) for each in answers if not each.fitting]
    if not lost:
        return None
    if not answers[0].verdicts:
        return GfdError("there are no nodes, so nothing fits")
    more = f" and {len(lost) - _LONGEST} more" if len(lost) > _LONGEST else ""
    verb = "fits" if len(lost) == 1 else "fit"
    return GfdError(f"{', '.join(lost[:_LONGEST])}{more} {verb} no node")


def _place(pod: Pod) -> str:
    return f"{escape(pod.title)} ({pod.file}:{pod.line})"
