from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gfd.clusterview.timestamps import format_age, format_time, parse_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (330, "5m30s"),
        (600, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (5 * HOUR + 61, "5h1m"),
        (8 * HOUR, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 3 * HOUR, "7d3h"),
        (8 * DAY, "8d"),
        (2 * 365 * DAY, "2y"),
        (3 * 365 * DAY + 5 * DAY, "3y5d"),
        (9 * 365 * DAY, "9y"),
    ],
)
def test_an_age_as_kubectl_writes_it(seconds: int, text: str) -> None:
    assert format_age(NOW - timedelta(seconds=seconds), NOW) == text


def test_a_time_of_the_api_server() -> None:
    at = parse_time("2026-01-02T03:04:05Z")
    assert at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert parse_time("2026-01-02T04:04:05+01:00") == at
    assert format_time(at) == "2026-01-02T03:04:05Z"
    assert format_time(None) is None


@pytest.mark.parametrize(
    "text", [None, 5, "", "yesterday", "2026-01-02T03:04:05", "0001-01-01T00:00:00+14:00"]
)
def test_texts_that_are_not_times(text: object) -> None:
    assert parse_time(text) is None
