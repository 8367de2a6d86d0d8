from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from operator import eq, ge, gt, le, lt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.labels.syntax import check
from gfd.tools.select.comparisons import read_memory, read_version
from gfd.tools.select.constraints import AnyOf, Choice, Range, intersect, to_terms
from gfd.tools.select.criteria import COMPUTE, DRIVER
from gfd.tools.select.selection import matches

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": ge,
    "<=": le,
    ">": gt,
    "<": lt,
    "=": eq,
    "": eq,
}
MEMORY = "nvidia.com/gpu.memory"


def format_number(key: str, number: int) -> tuple[str, ...]:
    return tuple({str(number), f"{number:02}"})


def is_matching(constraints: AnyOf, labels: dict[str, str]) -> bool:
    terms = to_terms(constraints, format_number)
    for requirement in (requirement for term in terms for requirement in term):
        # What the API server would refuse is not printed.
        for value in requirement.values:
            check(requirement.key, value)
    return matches(terms, labels)


def to_lines(*texts: str, keys: tuple[str, ...] = DRIVER) -> list[str]:
    """Return a line of requirements for each term."""
    short = {key: key.rpartition(".")[2] for key in keys}
    return [
        " ".join(
            f"{short[requirement.key]} {requirement.operator} {','.join(requirement.values)}".strip()
            for requirement in term
        )
        for term in to_terms(read_version(texts, keys), lambda key, number: (str(number),))
    ]


@pytest.mark.parametrize(
    ("texts", "terms"),
    [
        ([">=550"], ["major Gt 549"]),
        ([">=550.0"], ["major Gt 549"]),
        ([">=550.54"], ["major Gt 550", "major In 550 minor Gt 53"]),
        ([">550"], ["major Gt 550"]),
        ([">550.0"], ["major Gt 550", "major In 550 minor Gt 0"]),
        (["<560"], ["major Lt 560"]),
        (["<560.0"], ["major Lt 560"]),
        (["<=560"], ["major Lt 561"]),
        (["=550"], ["major In 550"]),
        (["550.54"], ["major In 550 minor In 54"]),
        (["==550.54"], ["major In 550 minor In 54"]),
        (["<=0"], ["major In 0"]),
        ([">=0"], ["major Exists"]),
        ([" >= 550"], ["major Gt 549"]),
        (
            [">=550", "<560.28"],
            ["major Gt 549 major Lt 560", "major In 560 minor Lt 28"],
        ),
        (
            ["<550.54.15"],
            [
                "major Lt 550",
                "major In 550 minor Lt 54",
                "major In 550 minor In 54 revision Lt 15",
                "major In 550 minor In 54 revision In",
            ],
        ),
        (
            [">=550.54.15"],
            ["major Gt 550", "major In 550 minor Gt 54", "major In 550 minor In 54 revision Gt 14"],
        ),
    ],
)
def test_versions_as_terms(texts: list[str], terms: list[str]) -> None:
    assert to_lines(*texts) == terms


def test_a_compute_capability_needs_both_of_its_labels() -> None:
    assert to_lines(">=8.6", keys=COMPUTE) == ["major Gt 8", "major In 8 minor Gt 5"]
    assert to_lines(">=8.0", keys=COMPUTE) == ["major Gt 7"]


PARTS = st.lists(st.integers(0, 12), min_size=1, max_size=3)
LABELLED = st.tuples(
    st.integers(0, 12), st.integers(0, 12), st.sampled_from(["", "0", "00", "1", "01", "5", "12"])
)


@given(st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), PARTS), min_size=1, max_size=2), LABELLED)
def test_terms_match_what_the_comparison_means(
    comparisons: list[tuple[str, list[int]]], labelled: tuple[int, int, str]
) -> None:
    """The expected result compares the written parts as numbers."""
    major, minor, revision = labelled
    labels = dict(zip(DRIVER, (str(major), f"{minor:02}", revision), strict=True))
    version = [major, minor, int(revision or 0)]
    expected = all(OPERATORS[sign](version[: len(parts)], parts) for sign, parts in comparisons)
    texts = [sign + ".".join(map(str, parts)) for sign, parts in comparisons]
    try:
        constraints = read_version(texts, DRIVER)
    except ValueError:
        constraints = ()
    assert is_matching(constraints, labels) is expected
    assert not is_matching(constraints, {"nvidia.com/gpu.count": "8"})


SIZES = st.tuples(st.integers(0, 200), st.sampled_from(["Ki", "Mi", "M", "Gi", "G", "e8"]))


@given(
    st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), SIZES), min_size=1, max_size=2),
    st.integers(0, 400),
)
def test_memory_is_compared_to_the_byte(comparisons: list[tuple[str, tuple[int, str]]], mib: int) -> None:
    units = {"Ki": 2**10, "Mi": 2**20, "M": 10**6, "Gi": 2**30, "G": 10**9, "e8": 10**8}
    expected = all(OPERATORS[sign](mib * 2**20, number * units[unit]) for sign, (number, unit) in comparisons)
    try:
        constraints = read_memory([f"{sign}{number}{unit}" for sign, (number, unit) in comparisons], MEMORY)
    except ValueError:
        constraints = ()
    assert is_matching(constraints, {MEMORY: str(mib)}) is expected
    assert not is_matching(constraints, {})


def test_a_gpu_of_40_gb_has_less_than_40_gib() -> None:
    assert read_memory([">=40Gi"], MEMORY) == ({MEMORY: Range(least=40960)},)
    assert not is_matching(read_memory([">=40Gi"], MEMORY), {MEMORY: "40536"})
    assert is_matching(read_memory([">=40536Mi"], MEMORY), {MEMORY: "40536"})
    assert Fraction(40536, 1024) < 40


NO_VERSION = "write one like 550.54.15 or >=550.54.15"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", f"is not a version: ''; {NO_VERSION}"),
        (">=", f"is not a version: ''; {NO_VERSION}"),
        ("=>550", f"is not a version: '>550'; {NO_VERSION}"),
        (">=550.", f"is not a version: '550.'; {NO_VERSION}"),
        (">=-1", f"is not a version: '-1'; {NO_VERSION}"),
        ("550.1.2.3", f"is not a version: '550.1.2.3'; {NO_VERSION}"),
        ("9" * 19, f"is not a version: '{'9' * 19}'; {NO_VERSION}"),
        ("٣", f"is not a version: '٣'; {NO_VERSION}"),
        ("<0", "excludes every value: <0"),
    ],
)
def test_texts_that_are_not_versions(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_version([text], DRIVER)
    assert str(caught.value) == reason


def test_comparisons_that_exclude_each_other() -> None:
    with pytest.raises(ValueError, match=r"excludes every value: >=560, <550\.54"):
        read_version([">=560", "<550.54"], DRIVER)
    with pytest.raises(ValueError, match=r"is not a version: '8\.0\.0'; write one like 8\.0 or >=8\.0"):
        read_version(["8.0.0"], COMPUTE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (">=40", "has no unit: '40'; did you mean 40Gi? Labels hold MiB, so 40536 is 40536Mi"),
        (">=40GB", "is not a quantity: '40GB'; did you mean 40Gi or 40G?"),
        ("40 GiB", "is not a quantity: '40 GiB'; did you mean 40Gi or 40G?"),
        ("much", "is not a quantity: 'much'; write one like 1, 500m or 40Gi"),
        (">=-1Gi", "is not an amount of memory: '-1Gi'; write one like 40Gi"),
        (">=99E", "is not an amount of memory: '99E'; write one like 40Gi"),
        ("=1500Ki", "matches no label: 1500Ki is 1.46484 MiB, and labels hold whole MiB"),
        ("<0Mi", "excludes every value: <0Mi"),
    ],
)
def test_texts_that_are_not_memory(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_memory([text], MEMORY)
    assert str(caught.value) == reason


def test_choices_and_ranges_intersect() -> None:
    texts = ({"a": Choice(texts=frozenset({"1", "02", "x", ""}))},)
    assert intersect(texts, ({"a": Range(least=1, most=2)},)) == (
        {"a": Choice(texts=frozenset({"1", "02"}))},
    )
    assert intersect(({"a": Range(least=2)},), texts) == ({"a": Choice(texts=frozenset({"02"}))},)
    assert intersect(texts, ({"a": Range(least=3)},)) == ()
    assert intersect(texts, ({"b": Range(least=3)},)) == ({**texts[0], "b": Range(least=3)},)
