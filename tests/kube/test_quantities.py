from __future__ import annotations

from fractions import Fraction

import pytest

from gfd.kube.quantities import format_binary, parse, parse_count


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("8", 8),
        ("+8", 8),
        ("-1", -1),
        ("1k", 1000),
        ("1e3", 1000),
        ("1E3", 1000),
        ("25e-1", Fraction(5, 2)),
        ("500m", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("1.", 1),
        ("40Gi", 40 * 2**30),
        ("1n", Fraction(1, 10**9)),
        ("2E", 2 * 10**18),
    ],
)
def test_quantities(text: str, number: Fraction) -> None:
    assert parse(text) == number


@pytest.mark.parametrize("text", ["", "x", "1e999", "1 k", "1K", "0x10", "1_000", "1ki", "."])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse(text)


def test_devices_are_whole() -> None:
    assert parse_count("2000m") == 2
    with pytest.raises(ValueError, match="is not a whole number: '500m'; devices cannot be divided"):
        parse_count("500m")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (7, "7"), (1000, "1000"), (1024, "1Ki"), (80 << 30, "80Gi"), (81559 << 20, "81559Mi")],
)
def test_binary_endings(count: int, text: str) -> None:
    assert format_binary(count) == text
    assert parse(text) == count
