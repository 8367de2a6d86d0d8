from __future__ import annotations

from typing import Any

import structlog

from gfd.agent.conditions import Conditions


def test_a_problem_is_logged_once_counted_and_resolved() -> None:
    now_s = 0.0
    with structlog.testing.capture_logs() as logged:
        conditions = Conditions(structlog.get_logger(), clock=lambda: now_s)
        for _ in range(3):
            conditions.report("sink file", "publish.failed", reason="full")
            now_s += 1
        conditions.report("sink file", "publish.failed", reason="gone")
        conditions.resolve("sink file")
        conditions.resolve("sink file")
    facts: list[dict[str, Any]] = [dict(entry) for entry in logged]
    assert facts == [
        {"event": "publish.failed", "reason": "full", "log_level": "warning"},
        {"event": "publish.failed", "reason": "full", "times": 2, "log_level": "debug"},
        {"event": "publish.failed", "reason": "full", "times": 3, "log_level": "debug"},
        {"event": "publish.failed", "reason": "gone", "log_level": "warning"},
        {"event": "publish.recovered", "reason": "gone", "times": 1, "lasted_s": 3.0, "log_level": "info"},
    ]


def test_other_subjects_of_a_kind_are_resolved() -> None:
    with structlog.testing.capture_logs() as logged:
        conditions = Conditions(structlog.get_logger())
        for index in (0, 1):
            conditions.report(f"gpu {index}", "gpu.failed", gpu=index)
        conditions.report("read", "cycle.failed")
        conditions.resolve_others("gpu ", {"gpu 1"})
    assert [(entry["event"], entry.get("gpu")) for entry in logged[3:]] == [("gpu.recovered", 0)]
