"""What the service knows about itself, as plain numbers, and the two judgements that others ask for.

Written by the service's threads under one lock; readers take :attr:`Status.facts`, a frozen value that
is replaced and never changed, so a scrape sees one moment.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Result = Literal["published", "unchanged", "failed"]

RESULTS: tuple[Result, ...] = ("published", "unchanged", "failed")

MAX_REASON = 500
"""Characters of a reason that are shown."""

MAX_DOUBTS = 5
"""Warnings about the configuration that are shown."""

Judgement = tuple[bool, str]
"""Whether all is well, and a line that says why not; others may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One moment. Times ending in ``_at_s`` are seconds since the epoch; None where it never happened."""

    cycles: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(RESULTS, 0))
    """How many ended, by result."""
    cycles_took_s: float = 0.0
    """All of them together."""
    probes: int = 0
    probes_took_s: float = 0.0
    probe_restarts: int = 0
    stuck_probes: int = 0
    succeeded_at_s: float | None = None
    """When a cycle last ended with every sink up to date."""
    gpus: Mapping[str, int] | None = None
    """By state; None before the first successful read."""
    mig_devices: Mapping[str, int] | None = None
    """By profile."""
    labels: int | None = None
    published_changes: Mapping[str, int] = field(default_factory=dict)
    """By sink."""
    sink_errors: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By sink and class of reason."""
    stale_since_s: float | None = None
    """Seconds since the epoch; None while what was read last still holds."""
    holders: frozenset[str] = frozenset()
    """Sinks that took the labels when they were last asked to."""
    rejection: str = ""
    """Why the configuration on disk is not in force; empty where it is."""
    doubts: tuple[str, ...] = ()
    """Warnings about the configuration in force."""
    contests: Mapping[str, str] = field(default_factory=dict)
    """By sink: what another gfd changes there again and again."""
    watches_down: Mapping[str, str] = field(default_factory=dict)
    """Why the watches on objects of the API server fail that do, by what is watched."""
    withdrawn_at_s: float | None = None
    problem: str = ""
    """What went wrong in the last cycle; empty where nothing did."""
    ticked_s: float
    """On the steady clock."""
    job_deadline_s: float | None = None
    """On the steady clock; None while the worker has nothing to do."""


class Status:
    """Takes down what happens in the service."""

    def __init__(
        self,
        *,
        loop_limit_s: float = 30.0,
        steady_s: Callable[[], float] = time.monotonic,
        epoch_s: Callable[[], float] = time.time,
    ) -> None:
        """``loop_limit_s`` is how long the main loop may take for a turn before it counts as hung."""
        self._loop_limit_s = loop_limit_s
        self._steady_s = steady_s
        self._epoch_s = epoch_s
        self._lock = Lock()
        self._facts = Facts(ticked_s=steady_s())

    @property
    def facts(self) -> Facts:
        """What is known now."""
        return self._facts

    def expect(self, sinks: Iterable[str], reasons: Iterable[str] = ()) -> None:
        """Let the counters of these sinks, and of their classes of reason, begin at 0."""
        with self._lock:
            known, reasons = self._facts, tuple(reasons)
            changes = dict.fromkeys(sinks, 0)
            errors = {(sink, reason): 0 for sink in changes for reason in reasons}
            self._put(
                holders=known.holders & set(changes),
                published_changes=changes | dict(known.published_changes),
                sink_errors=errors | dict(known.sink_errors),
            )

    def ticked(self) -> None:
        """The main loop went round."""
        with self._lock:
            self._put(ticked_s=self._steady_s())

    def job_started(self, limit_s: float) -> None:
        """The worker began something that may last ``limit_s``."""
        with self._lock:
            self._put(job_deadline_s=self._steady_s() + limit_s)

    def job_ended(self) -> None:
        """The worker is done with it, well or not."""
        with self._lock:
            self._put(job_deadline_s=None)

    def read_succeeded(
        self, *, gpus_ok: int, gpus_failed: int, mig_devices: Mapping[str, int], labels: int
    ) -> None:
        """The hardware was read and makes so many labels; ``mig_devices`` counts them by profile."""
        with self._lock:
            self._put(
                gpus={"ok": gpus_ok, "failed": gpus_failed},
                mig_devices=dict(mig_devices),
                labels=labels,
                stale_since_s=None,
            )

    def read_failed(self, reason: str, *, stale_since_s: float | None = None) -> None:
        """The hardware could not be read.

        The labels are stale from ``stale_since_s``, seconds since the epoch, or unless given from the
        first of the reads that fail in a row.
        """
        with self._lock:
            since_s = stale_since_s or self._facts.stale_since_s or self._epoch_s()
            self._put(stale_since_s=since_s, problem=_one_line(reason))

    def published(self, sink: str) -> None:
        """Something changed in ``sink``."""
        with self._lock:
            counts = self._facts.published_changes
            self._put(published_changes={**counts, sink: counts.get(sink, 0) + 1})

    def sink_took(self, sink: str) -> None:
        """``sink`` holds the labels, whether or not anything changed there."""
        with self._lock:
            self._put(holders=self._facts.holders | {sink})

    def sink_failed(self, sink: str, reason_class: str, reason: str) -> None:
        """``sink`` did not take the labels; ``reason_class`` is one of few words, ``reason`` a sentence."""
        with self._lock:
            counts, key = self._facts.sink_errors, (sink, reason_class)
            self._put(
                holders=self._facts.holders - {sink},
                sink_errors={**counts, key: counts.get(key, 0) + 1},
                problem=_one_line(reason),
            )

    def cycle_ended(
        self, result: Result, *, duration_s: float, probe_s: float | None = None, problem: str = ""
    ) -> None:
        """``failed`` means that a sink lacks the labels; ``problem`` is what no other method was told.

        ``probe_s`` is how long the hardware took, None where it was not asked.
        """
        with self._lock:
            known = self._facts
            self._put(
                cycles={**known.cycles, result: known.cycles[result] + 1},
                cycles_took_s=known.cycles_took_s + duration_s,
                probes=known.probes + (probe_s is not None),
                probes_took_s=known.probes_took_s + (probe_s or 0.0),
                problem=(_one_line(problem) or known.problem) if result == "failed" else "",
            )
            if result != "failed":
                self._put(succeeded_at_s=self._epoch_s(), withdrawn_at_s=None)

    def contested(self, reasons: Mapping[str, str]) -> None:
        """Another gfd writes to these sinks too, for each the sentence that says so, and to no other."""
        with self._lock:
            self._put(contests={sink: _one_line(reason) for sink, reason in reasons.items()})

    def caught_up(self) -> None:
        """Every sink has the labels after all, without a cycle."""
        with self._lock:
            self._put(succeeded_at_s=self._epoch_s(), problem="")

    def probe_restarted(self) -> None:
        """A probe process was started in the place of one that was given up."""
        with self._lock:
            self._put(probe_restarts=self._facts.probe_restarts + 1)

    def probes_stuck(self, count: int) -> None:
        """So many probe processes were killed and have not ended yet."""
        with self._lock:
            self._put(stuck_probes=count)

    def withdrawn(self) -> None:
        """The labels were removed because they had been stale for too long."""
        with self._lock:
            self._put(withdrawn_at_s=self._epoch_s(), labels=0, holders=frozenset())

    def config_loaded(self, doubts: Iterable[str]) -> None:
        """The configuration on disk is in force; ``doubts`` are the warnings about it."""
        with self._lock:
            self._put(rejection="", doubts=tuple(_one_line(doubt) for doubt in doubts))

    def config_rejected(self, reason: str) -> None:
        """The configuration on disk cannot be used, and the one loaded before stays in force."""
        with self._lock:
            self._put(rejection=_one_line(reason))

    def watch_failed(self, watched: str, reason: str) -> None:
        """The watch on ``watched`` is down; changes that others make there are not seen."""
        with self._lock:
            self._put(watches_down={**self._facts.watches_down, watched: _one_line(reason)})

    def watch_healed(self, watched: str) -> None:
        """The watch on ``watched`` works, or there is none any more."""
        with self._lock:
            known = self._facts.watches_down
            self._put(watches_down={each: known[each] for each in known if each != watched})

    def health(self) -> Judgement:
        """Return whether the service goes round; where it does not, only a restart helps."""
        facts, now_s = self._facts, self._steady_s()
        silent_s = now_s - facts.ticked_s
        if silent_s > self._loop_limit_s:
            return False, f"the main loop has not turned for {silent_s:.0f} s"
        if facts.job_deadline_s is not None and now_s > facts.job_deadline_s:
            over_s = now_s - facts.job_deadline_s
            return False, f"the worker is {over_s:.0f} s over the time that its work may take"
        return True, "ok"

    def readiness(self) -> Judgement:
        """Return whether the labels of this node can be trusted; further lines tell what else is wrong."""
        is_ready, text = self._trust()
        facts = self._facts
        lines = [text]
        lines += [
            f"the watch on {watched} is down, changes by others are not seen: {reason}"
            for watched, reason in facts.watches_down.items()
        ]
        if facts.rejection:
            lines.append(f"configuration rejected, the one loaded before is in force: {facts.rejection}")
        lines += [f"configuration warning: {doubt}" for doubt in facts.doubts[:MAX_DOUBTS]]
        if len(facts.doubts) > MAX_DOUBTS:
            lines.append(f"configuration warning: {len(facts.doubts) - MAX_DOUBTS} more warnings in the log")
        return is_ready, "\n".join(lines)

    def _trust(self) -> Judgement:
        facts = self._facts
        why = f": {facts.problem}" if facts.problem else ""
        if facts.withdrawn_at_s is not None:
            return False, f"the labels were withdrawn at {_shown(facts.withdrawn_at_s)}{why}"
        if facts.succeeded_at_s is None and not facts.holders:
            return False, f"no labels have been published yet{why}"
        if facts.stale_since_s is not None:
            return False, f"the labels are stale since {_shown(facts.stale_since_s)}{why}"
        if not facts.holders:
            return False, f"no sink holds the labels{why}"
        if facts.contests:
            return False, "; ".join(f"sink {sink}: {reason}" for sink, reason in facts.contests.items())
        return True, f"ok, but the last cycle failed{why}" if why else "ok"

    def _put(self, **changes: Any) -> None:
        self._facts = replace(self._facts, **changes)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"


def _shown(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
