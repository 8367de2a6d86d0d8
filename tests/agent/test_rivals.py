"""What is logged of others that write to the same place."""

from __future__ import annotations

import structlog

from gfd.agent.conditions import Conditions
from gfd.agent.rivals import explain, tell_drift, tell_rivals
from gfd.agent.status import Status
from gfd.publishing.drift import Drift
from gfd.publishing.publisher import Publisher
from gfd.publishing.sinks.stdout import StdoutSink

DELETED = Drift(sink="stdout", what="deleted", is_rival=True, is_urgent=True)


def test_a_fight_is_told_once() -> None:
    now_s = 1000.0
    with structlog.testing.capture_logs() as told:
        log = structlog.get_logger()
        publisher = Publisher([StdoutSink()], clock=lambda: now_s)
        status, conditions = Status(), Conditions(log)
        for _ in range(10):
            tell_drift(DELETED, publisher, log)
            publisher.repair(DELETED)
            tell_rivals(publisher, status, conditions)
            now_s += 5
    levels = [(entry["event"], entry["log_level"]) for entry in told]
    # 15 s of it, then the one word that it is a fight.
    assert levels[:5] == [("drift.detected", "info")] * 4 + [("conflict.detected", "warning")]
    assert {level for _, level in levels[5:]} == {"debug"}
    assert status.state.conflicts.keys() == {"stdout"}


def test_what_is_said_of_another_writer_of_the_file() -> None:
    assert explain(Drift(sink="file", what="deleted", is_rival=True)) == (
        "another program keeps changing or deleting this file; only one may write it: stop the other, "
        "such as NVIDIA's gpu-feature-discovery, or give gfd another --output-file"
    )
