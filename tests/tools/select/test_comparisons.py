from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from operator import eq, ge, gt, le, lt
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gfd.clusterview.hardware import parse_product
from gfd.labels.syntax import check, sanitise
from gfd.simulation import machines
from gfd.tools.select.comparisons import read_memory, read_mig_memory, read_version
from gfd.tools.select.constraints import Absence, AnyOf, Choice, Exclusion, Range, intersect, to_terms
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
        (["550", "560.28"], ["major In 550", "major In 560 minor In 28"]),
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


def is_met_together(met: list[tuple[str, bool]]) -> bool:
    """Return whether one of the equal values is met, if there are any, and each other comparison."""
    equal = [is_met for sign, is_met in met if sign in {"=", ""}]
    return (any(equal) or not equal) and all(is_met for sign, is_met in met if sign not in {"=", ""})


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
    met = [(sign, OPERATORS[sign](version[: len(parts)], parts)) for sign, parts in comparisons]
    expected = is_met_together(met)
    texts = [sign + ".".join(map(str, parts)) for sign, parts in comparisons]
    try:
        constraints = read_version(texts, DRIVER)
    except ValueError:
        constraints = ()
    assert is_matching(constraints, labels) is expected
    assert not is_matching(constraints, {"nvidia.com/gpu.count": "8"})


SIZES = st.tuples(st.integers(0, 200), st.sampled_from(["Ki", "Mi", "M", "Gi", "G", "e8"]))


@example([("", (1, "Ki")), ("", (1, "Mi"))], 1)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), SIZES), min_size=1, max_size=2),
    st.integers(1, 400),
)
def test_memory_is_compared_to_the_byte(comparisons: list[tuple[str, tuple[int, str]]], mib: int) -> None:
    units = {"Ki": 2**10, "Mi": 2**20, "M": 10**6, "Gi": 2**30, "G": 10**9, "e8": 10**8}
    met = [(sign, OPERATORS[sign](mib * 2**20, number * units[unit])) for sign, (number, unit) in comparisons]
    expected = is_met_together(met)
    try:
        constraints = read_memory([f"{sign}{number}{unit}" for sign, (number, unit) in comparisons], MEMORY)
    except ValueError as error:
        if "matches no label" in str(error):
            # Also if another one could match: nobody means such a value.
            equal = [number * units[unit] for sign, (number, unit) in comparisons if sign in {"=", ""}]
            assert any(size % 2**20 for size in equal)
            return
        constraints = ()
    assert is_matching(constraints, {MEMORY: str(mib)}) is expected
    assert not is_matching(constraints, {})


CARDS = {
    8: {"Tesla P4": 7611, "Tesla M60": 7618},
    12: {"Tesla K80": 11441, "TITAN V": 12066},
    16: {"T4": 15360, "T4 of R440": 15109, "V100": 16160, "P100": 16280, "A2": 15356, "A4000": 16376},
    24: {"A10": 23028, "A10 of R470": 22731, "A30": 24576, "L4": 23034, "P40": 22919, "4090": 24564},
    32: {"V100": 32510, "5090": 32607},
    40: {"A100": 40960, "A100 of R470": 40536},
    48: {"L40S": 46068, "A40 of R470": 45634, "A6000": 49140, "RTX 8000": 48601},
    80: {"A100": 81920, "A100 of R470": 81251, "H100": 81559},
    94: {"H100 NVL": 95830},
    96: {"H20": 97871, "RTX PRO 6000": 97887},
    141: {"H200": 143771},
    180: {"B200": 183359},
    192: {"B200": 183359},
    288: {"B300": 275040},
}
"""MiB that NVML reports, by the GB that a card is sold with. Most differ by ECC and by the driver."""


@pytest.mark.parametrize("gb", CARDS)
def test_gb_mean_the_cards_sold_with_this_memory(gb: int) -> None:
    exactly, at_least = read_memory([f"{gb}GB"], MEMORY), read_memory([f">= {gb} gb"], MEMORY)
    less, more = read_memory([f"<{gb}GB"], MEMORY), read_memory([f">{gb}GB"], MEMORY)
    at_most = read_memory([f"<={gb}GB"], MEMORY)
    for sold, cards in CARDS.items():
        for mib in map(str, cards.values()):
            label = {MEMORY: mib}
            if sold == gb:
                assert is_matching(exactly, label)
            elif not 0.9 < sold / gb < 1 / 0.9:
                assert not is_matching(exactly, label)
                assert is_matching(at_least, label) is (sold > gb)
            assert is_matching(exactly, label) is (
                is_matching(at_least, label) and is_matching(at_most, label)
            )
            assert is_matching(less, label) is not is_matching(at_least, label)
            assert is_matching(more, label) is not is_matching(at_most, label)


@pytest.mark.parametrize("name", machines.list_names())
def test_simulated_gpus_have_the_memory_that_they_are_sold_with(name: str) -> None:
    for gpu in machines.read(name).gpus:
        if gpu.memory_bytes is None or gpu.is_memory_unified:
            # It shares the memory of the CPU, or is for virtual machines: its name does not tell the memory.
            assert gpu.name in ("NVIDIA GB10", "GA102GL [A10]", "Orin", "NVIDIA Thor")
            continue
        gb = parse_product(sanitise(gpu.name)).card_gb
        labels = {MEMORY: str(gpu.memory_bytes // 2**20)}
        assert is_matching(read_memory([f"{gb}GB"], MEMORY), labels), (gpu.name, gb)


def test_gb_of_mig_devices_are_those_of_the_profile() -> None:
    key = "nvidia.com/mig-1g.18gb.memory"
    assert read_mig_memory(["18GB"], "1g.18gb", key) == ({},)
    assert read_mig_memory([">=20GB"], "1g.18gb", key) == ()
    assert read_mig_memory(["5GB", "18GB"], "1g.18gb", key) == ({},)
    assert read_mig_memory([">5GB", "<18GB"], "1g.18gb", key) == ()
    assert read_memory([">=0GB"], MEMORY) == ({MEMORY: Range()},)
    assert read_mig_memory([">=16Gi"], "1g.18gb", key) == ({key: Range(least=16384)},)


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
        ("=>550", "begins with =>, which is not an operator: write '>=550'"),
        ("≤ 550", "begins with ≤, which is not an operator: write '<=550'"),
        ("550+", "is not a comparison: '550+'; write '>=550'"),
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
    ("text", "version"),
    [("sm_80", "8.0"), ("sm90", "9.0"), ("80", "8.0"), ("128", "12.8"), ("compute_100", "10.0")],
)
def test_two_parts_without_a_dot(text: str, version: str) -> None:
    with pytest.raises(ValueError, match=f"is not a version: '{text}'; did you mean {version}\\?"):
        read_version([text], COMPUTE)
    assert read_version(["12"], COMPUTE)
    assert read_version(["550"], DRIVER)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (">=40", "has no unit: '40'; did you mean 40GB?"),
        ("40536", "has no unit: '40536'; did you mean 40536Mi?"),
        ("40g", "is not an amount of memory: '40g'; did you mean 40GB or 40Gi?"),
        ("40960MB", "is not an amount of memory: '40960MB'; did you mean 40960Mi?"),
        ("much", "is not an amount of memory: 'much'; write one like 80GB or 40Gi"),
        ("", "is not an amount of memory: ''; write one like 80GB or 40Gi"),
        (">=-1Gi", "is not an amount of memory: '-1Gi'; write one like 80GB or 40Gi"),
        (">=99E", "is not an amount of memory: '99E'; write one like 80GB or 40Gi"),
        (f"{'9' * 20}GB", f"is not an amount of memory: '{'9' * 20}GB'; write one like 80GB or 40Gi"),
        (
            "=1500Ki",
            "matches no label: 1500Ki is 1.46484 MiB, and labels hold whole MiB; write '>=1500Ki'",
        ),
        (
            "80G",
            (
                "matches no label: 80G is 76293.9 MiB, and labels hold whole MiB; write 80GB for cards sold "
                "with that much, or '>=80G'"
            ),
        ),
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
    others = ({"a": Exclusion(texts=frozenset({"1", "x"}))},)
    assert intersect(texts, others) == ({"a": Choice(texts=frozenset({"02", ""}))},)
    assert intersect(({"a": Absence()},), ({"a": Absence()},)) == ({"a": Absence()},)
