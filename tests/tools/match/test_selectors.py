from __future__ import annotations

import pytest

from gfd.clusterview.requirement import OPERATORS, Requirement, whole
from gfd.tools.match.selectors import Preference, Term, score

MEMORY, NAME = "nvidia.com/gpu.memory", "metadata.name"
LABELS = {MEMORY: "40960", "empty": "", "word": "forty"}


def asked(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key=key, operator=operator, values=values)


@pytest.mark.parametrize(
    ("requirement", "is_met", "text"),
    [
        (asked(MEMORY, "In", "40960"), True, f"{MEMORY}=40960"),
        (asked(MEMORY, "In", "1", "40960"), True, f"{MEMORY} in (1,40960)"),
        (asked(MEMORY, "In", "4096"), False, f"{MEMORY}=4096"),
        (asked("empty", "In", ""), True, "empty="),
        (asked("none", "In", ""), False, "none="),
        (asked(MEMORY, "NotIn", "40960"), False, f"{MEMORY}!=40960"),
        (asked(MEMORY, "NotIn", "1", "2"), True, f"{MEMORY} notin (1,2)"),
        (asked("none", "NotIn", "1"), True, "none!=1"),
        (asked("empty", "Exists"), True, "empty"),
        (asked("none", "Exists"), False, "none"),
        (asked("empty", "DoesNotExist"), False, "!empty"),
        (asked("none", "DoesNotExist"), True, "!none"),
        (asked(MEMORY, "Gt", "40959"), True, f"{MEMORY}>40959"),
        (asked(MEMORY, "Gt", "40960"), False, f"{MEMORY}>40960"),
        (asked(MEMORY, "Gt", "40Gi"), False, f"{MEMORY}>40Gi"),
        (asked("word", "Gt", "1"), False, "word>1"),
        (asked("none", "Gt", "1"), False, "none>1"),
        (asked(MEMORY, "Lt", "40961"), True, f"{MEMORY}<40961"),
        (asked(MEMORY, "Lt", "40960"), False, f"{MEMORY}<40960"),
        (asked("empty", "Lt", "1"), False, "empty<1"),
        (asked("none", "Lt", "1"), False, "none<1"),
    ],
)
def test_requirements(requirement: Requirement, is_met: bool, text: str) -> None:
    assert requirement.matches(LABELS) is is_met
    assert str(requirement) == text


def test_all_operators_of_kubernetes() -> None:
    assert set(OPERATORS) == {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("+5", 5),
        ("-5", -5),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("-9223372036854775808", -(2**63)),
        ("-9223372036854775809", None),
        ("", None),
        ("1_000", None),
        ("0x10", None),
        ("1.0", None),
        (" 1", None),
        ("٣", None),
        ("0" * 5000 + "7", 7),
        ("7" * 5000, None),
    ],
)
def test_numbers_are_those_of_go(text: str, number: int | None) -> None:
    assert whole(text) == number


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
