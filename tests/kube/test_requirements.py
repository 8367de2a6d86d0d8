from __future__ import annotations

import pytest

from gfd.kube.requirements import OPERATORS, Requirement, parse_integer

MEMORY = "nvidia.com/gpu.memory"
LABELS = {MEMORY: "40960", "empty": "", "word": "forty"}


def require(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key=key, operator=operator, values=values)


@pytest.mark.parametrize(
    ("requirement", "is_met", "text"),
    [
        (require(MEMORY, "In", "40960"), True, f"{MEMORY}=40960"),
        (require(MEMORY, "In", "1", "40960"), True, f"{MEMORY} in (1,40960)"),
        (require(MEMORY, "In", "4096"), False, f"{MEMORY}=4096"),
        (require("empty", "In", ""), True, "empty="),
        (require("none", "In", ""), False, "none="),
        (require(MEMORY, "NotIn", "40960"), False, f"{MEMORY}!=40960"),
        (require(MEMORY, "NotIn", "1", "2"), True, f"{MEMORY} notin (1,2)"),
        (require("none", "NotIn", "1"), True, "none!=1"),
        (require("empty", "Exists"), True, "empty"),
        (require("none", "Exists"), False, "none"),
        (require("empty", "DoesNotExist"), False, "!empty"),
        (require("none", "DoesNotExist"), True, "!none"),
        (require(MEMORY, "Gt", "40959"), True, f"{MEMORY}>40959"),
        (require(MEMORY, "Gt", "40960"), False, f"{MEMORY}>40960"),
        (require(MEMORY, "Gt", "40Gi"), False, f"{MEMORY}>40Gi"),
        (require("word", "Gt", "1"), False, "word>1"),
        (require("none", "Gt", "1"), False, "none>1"),
        (require(MEMORY, "Lt", "40961"), True, f"{MEMORY}<40961"),
        (require(MEMORY, "Lt", "40960"), False, f"{MEMORY}<40960"),
        (require("empty", "Lt", "1"), False, "empty<1"),
        (require("none", "Lt", "1"), False, "none<1"),
    ],
)
def test_requirements(requirement: Requirement, is_met: bool, text: str) -> None:
    assert requirement.matches(LABELS) is is_met
    assert str(requirement) == text


def test_the_operators_are_those_of_kubernetes() -> None:
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
def test_integers_as_go_reads_them(text: str, number: int | None) -> None:
    assert parse_integer(text) == number


def test_text_is_neither_larger_nor_smaller_than_a_number() -> None:
    assert not Requirement(key="zone", operator="Lt", values=("5",)).matches({"zone": "a", "count": "8"})
    assert not Requirement(key="count", operator="Gt", values=("x",)).matches({"zone": "a", "count": "8"})
