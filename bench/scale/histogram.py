"""Read the API server's counters and histograms of requests, and subtract two readings."""

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
"""The HTTP method, or LIST or WATCH; the resource; the status code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The counters of a server at one time, or the difference of two readings."""

    requests: Counter[Request] = field(default_factory=Counter)
    durations: Counter[float] = field(default_factory=Counter)
    """Upper bound in seconds -> requests that took at most as long, without watches."""
    waits: Counter[float] = field(default_factory=Counter)
    """The same for the time in the queues of API Priority and Fairness."""
    rejected: int = 0
    watches: int = 0
    """Open watches on Nodes and NodeFeatures; not a counter."""

    def since(self, before: Reading) -> Reading:
        """Return the difference to the earlier reading ``before``."""
        return Reading(
            requests=self.requests - before.requests,
            durations=_less(self.durations, before.durations),
            waits=_less(self.waits, before.waits),
            rejected=self.rejected - before.rejected,
            watches=self.watches,
        )

    def plus(self, other: Reading) -> Reading:
        """Return the sum, for a server that was restarted in between."""
        return Reading(
            requests=self.requests + other.requests,
            durations=self.durations + other.durations,
            waits=self.waits + other.waits,
            rejected=self.rejected + other.rejected,
            watches=other.watches,
        )

    def by_verb(self) -> Counter[str]:
        """Return the number of requests for Nodes and NodeFeatures by verb, without watches."""
        found: Counter[str] = Counter()
        for (verb, resource, _), count in self.requests.items():
            if resource in OURS and verb != "WATCH":
                found[verb] += count
        return found

    def errors(self) -> Counter[str]:
        """Return the number of requests with 429 and 5xx by status, for all resources."""
        found: Counter[str] = Counter()
        for (_, _, code), count in self.requests.items():
            if code == "429" or code.startswith("5"):
                found[code] += count
        return found


def parse(text: str) -> Reading:
    """Return the counters in the text of ``/metrics``."""
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
    """Return the upper bound of the bucket with the quantile ``share``; None if there are no requests."""
    total = max(buckets.values(), default=0)
    if not total:
        return None
    return next(edge for edge in sorted(buckets) if buckets[edge] >= share * total)


def quantile(values: Iterable[float], share: float) -> float | None:
    """Return the quantile ``share`` of the values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _samples(text: str) -> Iterable[tuple[str, Mapping[str, str], float]]:
    # The text has megabytes, only a few lines are needed, and parsing is slow.
    lines = [line for line in text.splitlines() if line.startswith(NAMES)]
    for family in text_string_to_metric_families("\n".join(lines)):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def _verb(verb: str) -> str:
    return "PATCH" if verb == "APPLY" else verb


def _less(after: Counter[float], before: Counter[float]) -> Counter[float]:
    return Counter({edge: count - before[edge] for edge, count in after.items()})
