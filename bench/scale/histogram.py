"""What an API server says about its requests: counters and histograms, and the difference of two readings."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REQUESTS = "apiserver_request_total"
DURATION = "apiserver_request_duration_seconds_bucket"
REJECTED = "apiserver_flowcontrol_rejected_requests_total"
WAIT = "apiserver_flowcontrol_request_wait_duration_seconds_bucket"
WATCHES = "apiserver_longrunning_requests"
NAMES = (REQUESTS, DURATION, REJECTED, WAIT, WATCHES)

OURS = frozenset({"nodes", "nodefeatures"})
"""Resources that agents ask for; kwok's own writes go to the subresource status and are not counted."""

Request = tuple[str, str, str]
"""Verb (that of HTTP, but LIST and WATCH), resource, code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The counters of a server at one time, or what they grew by."""

    requests: Counter[Request] = field(default_factory=Counter)
    durations: Counter[float] = field(default_factory=Counter)
    """Upper bound in seconds -> how many requests took that long or less; watches are left out."""
    waits: Counter[float] = field(default_factory=Counter)
    """The same of the time spent in the queues of API priority and fairness."""
    rejected: int = 0
    watches: int = 0
    """Watches on our resources that are open; not a counter."""

    def since(self, before: Reading) -> Reading:
        """Return what was counted after ``before``."""
        return Reading(
            requests=self.requests - before.requests,
            durations=_less(self.durations, before.durations),
            waits=_less(self.waits, before.waits),
            rejected=self.rejected - before.rejected,
            watches=self.watches,
        )

    def plus(self, other: Reading) -> Reading:
        """Return the sum, as of a server that was started anew in between."""
        return Reading(
            requests=self.requests + other.requests,
            durations=self.durations + other.durations,
            waits=self.waits + other.waits,
            rejected=self.rejected + other.rejected,
            watches=other.watches,
        )

    def by_verb(self) -> Counter[str]:
        """Return how many requests for our resources there were of each verb, but watches."""
        found: Counter[str] = Counter()
        for (verb, resource, _), count in self.requests.items():
            if resource in OURS and verb != "WATCH":
                found[verb] += count
        return found

    def errors(self) -> Counter[str]:
        """Return code -> requests, of all resources, for 429 and 5xx."""
        found: Counter[str] = Counter()
        for (_, _, code), count in self.requests.items():
            if code == "429" or code.startswith("5"):
                found[code] += count
        return found


def parse(text: str) -> Reading:
    """Return what the page ``/metrics`` of an API server says."""
    requests: Counter[Request] = Counter()
    durations: Counter[float] = Counter()
    waits: Counter[float] = Counter()
    rejected = watches = 0
    for name, labels, value in _samples(text):
        count = int(value)
        resource, is_whole = labels.get("resource", ""), not labels.get("subresource")
        if name == REJECTED:
            rejected += count
        elif name == WAIT:
            waits[float(labels["le"])] += count
        elif not is_whole or not resource:
            continue
        elif name == REQUESTS:
            requests[_verb(labels["verb"]), resource, labels["code"]] += count
        elif name == WATCHES and labels["verb"] == "WATCH":
            watches += count * (resource in OURS)
        elif name == DURATION and labels["verb"] != "WATCH" and resource in OURS:
            durations[float(labels["le"])] += count
    return Reading(requests=requests, durations=durations, waits=waits, rejected=rejected, watches=watches)


def bound(buckets: Mapping[float, int], share: float) -> float | None:
    """Return the upper bound of the bucket in which the quantile ``share`` lies; None where there is nothing.

    What the server says is no finer than its buckets: the quantile is at most this.
    """
    total = max(buckets.values(), default=0)
    if not total:
        return None
    return next(edge for edge in sorted(buckets) if buckets[edge] >= share * total)


def quantile(values: Iterable[float], share: float) -> float | None:
    """Return the smallest value that ``share`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _samples(text: str) -> Iterable[tuple[str, Mapping[str, str], float]]:
    # Of some megabytes all but a few lines are about something else, and parsing is slow.
    lines = [line for line in text.splitlines() if line.startswith(NAMES)]
    for family in text_string_to_metric_families("\n".join(lines)):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def _verb(verb: str) -> str:
    return "PATCH" if verb == "APPLY" else verb


def _less(after: Counter[float], before: Counter[float]) -> Counter[float]:
    return Counter({edge: count - before[edge] for edge, count in after.items()})
