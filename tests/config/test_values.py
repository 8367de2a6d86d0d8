"""Values of options: parsed and formatted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.config.values import (
    format_value,
    parse_address,
    parse_bool,
    parse_choice,
    parse_duration,
    parse_duration_ns,
    parse_float,
    parse_int,
    parse_list,
)
from gfd.text import suggest


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [  # taken from Go's time.ParseDuration
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("5s", 5_000_000_000),
        ("30s", 30_000_000_000),
        ("1478s", 1_478_000_000_000),
        ("-5s", -5_000_000_000),
        ("+5s", 5_000_000_000),
        ("5.0s", 5_000_000_000),
        ("5.6s", 5_600_000_000),
        ("5.s", 5_000_000_000),
        (".5s", 500_000_000),
        ("1.004s", 1_004_000_000),
        ("100.00100s", 100_001_000_000),
        ("10ns", 10),
        ("11us", 11_000),
        ("12µs", 12_000),
        ("12\u03bcs", 12_000),
        ("13ms", 13_000_000),
        ("1m30s", 90_000_000_000),
        ("500ms", 500_000_000),
        ("1.5h", 5_400_000_000_000),
        ("3h30m", 12_600_000_000_000),
        ("10.5s4m", 250_500_000_000),
        ("-2m3.4s", -123_400_000_000),
        ("39h9m14.425s", 140_954_425_000_000),
        ("52763797000ns", 52_763_797_000),
        ("0.3333333333333333333h", 1_200_000_000_000),
        ("0.9223372036854775807h", 3_320_413_933_267),
        ("9007199254740993ns", 9_007_199_254_740_993),
        ("9223372036854775807ns", 2**63 - 1),
        ("-9223372036854775808ns", -(2**63)),
        ("0.100000000000000000000h", 360_000_000_000),
        ("0.830103483285477580700h", 2_988_372_539_827),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration_ns(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a duration"),
        ("-", "is not a duration"),
        (".", "is not a duration"),
        (".s", "is not a duration"),
        ("s", "is not a duration"),
        ("+.s", "is not a duration"),
        (" 1s", "is not a duration"),
        ("--1s", "is not a duration"),
        ("60", "did you mean 60s?"),
        ("1h30", "did you mean 1h30m?"),
        ("1m30", "did you mean 1m30s?"),
        ("1s500", "did you mean 1s500ms?"),
        ("1ms500", "did you mean 1ms500us?"),
        ("1us500", "did you mean 1us500ns?"),
        ("1.5.5s", "has no unit"),
        ("1d", "use h, m, s, ms, us or ns"),
        ("1s ", "unknown unit"),
        ("1e3s", "unknown unit"),
        ("infinite", "is not a duration"),
        ("Infinite", "is not a duration"),
        ("\u0661s", "is not a duration"),  # a digit, but not one of Go's
        ("9223372036854775808ns", "is too long"),
        ("-9223372036854775809ns", "is too long"),
        ("3000000h", "is too long"),
    ],
)
def test_invalid_durations(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_duration_ns(text)
    assert reason in str(refusal.value)


@given(st.integers(-(2**53), 2**53))
def test_every_number_of_nanoseconds(nanoseconds: int) -> None:
    assert parse_duration_ns(f"{nanoseconds}ns") == nanoseconds


def test_infinite() -> None:
    assert parse_duration("infinite") is None
    assert parse_duration("9223372036854775807ns") is None
    assert parse_duration("1m30s") == 90.0


@pytest.mark.parametrize(
    ("text", "address"),
    [(":8080", ("", 8080)), ("127.0.0.1:1", ("127.0.0.1", 1)), ("[::1]:65535", ("::1", 65535))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *(
            (text, f"{text!r} is not an address; put an IPv6 host in brackets, such as [::1]:8080")
            for text in ("::1:8080", "[::1]")
        ),
        *(
            (text, f"{text!r} has no port from 1 to 65535; use one like :8080 or 127.0.0.1:8080")
            for text in ("", "8080", "host:", ":0", ":65536", ":x")
        ),
    ],
)
def test_invalid_addresses(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_address(text)
    assert str(refusal.value) == reason


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_true(text: str) -> None:
    assert parse_bool(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_false(text: str) -> None:
    assert parse_bool(text) is False


@pytest.mark.parametrize("text", ["", "yes", "tRUE", "on", " true"])
def test_invalid_booleans(text: str) -> None:
    with pytest.raises(ValueError, match="is not a boolean; use true, false, t, f, 1 or 0"):
        parse_bool(text)


def test_numbers() -> None:
    assert parse_int("10") == 10
    assert parse_int("-0x10") == -16
    with pytest.raises(ValueError, match=r"^'0xf*…' is too large$"):
        parse_int("0x" + "f" * 5000)
    assert parse_float("2.5") == 2.5
    for text in ("", "ten", "1.5"):
        with pytest.raises(ValueError, match="is not a whole number"):
            parse_int(text)
    for text in ("nan", "inf"):
        with pytest.raises(ValueError, match="is not a finite number"):
            parse_float(text)
    with pytest.raises(ValueError, match="is not a number"):
        parse_float("five")


def test_lists_choices_and_formats() -> None:
    assert parse_list(["a, b", "", "a,,c "]) == ("a", "b", "c")
    assert parse_choice("a", ("a", "b")) == "a"
    with pytest.raises(
        ValueError, match=r"'singel' is not a valid value; choose none or single; did you mean single\?"
    ):
        parse_choice("singel", ("none", "single"))
    assert suggest("MIGSTRATGY", ["migStrategy"]) == "; did you mean migStrategy?"
    assert suggest("zzz", ["migStrategy"]) == ""
    assert [format_value(value) for value in (True, False, ("a", "b"), None, 5)] == [
        "true",
        "false",
        "a,b",
        "",
        "5",
    ]
