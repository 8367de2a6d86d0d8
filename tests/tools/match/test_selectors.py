from __future__ import annotations

from gfd.kube.requirements import Requirement
from gfd.tools.match.selectors import Preference, Term, score

MEMORY, NAME = "nvidia.com/gpu.memory", "metadata.name"
LABELS = {MEMORY: "40960", "empty": "", "word": "forty"}


def asked(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key=key, operator=operator, values=values)


def test_all_of_a_term_holds() -> None:
    here, elsewhere = asked(NAME, "In", "n1"), asked(NAME, "NotIn", "n1")
    has_memory, lacks = asked(MEMORY, "Exists"), asked("none", "Exists")
    assert Term(expressions=(has_memory,), fields=(here,)).matches(LABELS, "n1")
    assert not Term(expressions=(has_memory,), fields=(here,)).matches(LABELS, "n2")
    assert Term(expressions=(lacks, has_memory), fields=(elsewhere,)).failures(LABELS, "n1") == (
        lacks,
        elsewhere,
    )


def test_a_term_without_requirements_matches_nothing() -> None:
    assert not Term().matches(LABELS, "n1")
    assert Term().failures(LABELS, "n1") == ()


def test_a_field_is_no_label() -> None:
    term = Term(expressions=(asked(NAME, "In", "n1"),))
    assert not term.matches(LABELS, "n1")
    assert term.matches({NAME: "n1"}, "n2")


def test_the_score_is_the_sum_of_weights() -> None:
    preferences = (
        Preference(weight=5, term=Term(expressions=(asked(MEMORY, "Exists"),))),
        Preference(weight=70, term=Term(expressions=(asked("none", "Exists"),))),
        Preference(weight=20, term=Term(fields=(asked(NAME, "In", "n1"),))),
        Preference(weight=100, term=Term()),
    )
    assert score(preferences, LABELS, "n1") == 25
    assert score(preferences, {}, "n2") == 0
    assert score((), LABELS, "n1") == 0
