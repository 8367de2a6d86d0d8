"""docs/metrics.md lists every event that gfd logs, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.pages import ROOT

LEVELS = ("debug", "info", "warning", "error")
LEVELS_OF = {level: {level} for level in LEVELS} | {"report": {"warning"}}
"""Method that logs -> the level of its events; ``Conditions.report`` warns."""
NEVER_RECOVERS = {"http.warning"}
EVENT = re.compile(r"[a-z]+\.[a-z_]+")


def logged_in(source: str) -> Iterator[tuple[str, str]]:
    """Yield each event in ``source``, and the name of the method or variable that logs it."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        caller = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if caller == "getLogger":
            continue
        for argument in node.args:
            if isinstance(argument, ast.Constant) and EVENT.fullmatch(str(argument.value)):
                yield str(argument.value), caller


def logged() -> dict[str, set[str]]:
    """Return the levels that are known of each event; other modules cannot log: import-linter forbids it."""
    levels: dict[str, set[str]] = {}
    for module in sorted((ROOT / "gfd/agent").glob("*.py")):
        for event, caller in logged_in(module.read_text()):
            levels.setdefault(event, set()).update(LEVELS_OF.get(caller, ()))
            if caller == "report" and event not in NEVER_RECOVERS:
                levels.setdefault(event.partition(".")[0] + ".recovered", set()).add("info")
    return levels


def documented() -> dict[str, list[str]]:
    """Return level, meaning and next step of each event in the table."""
    section = (ROOT / "docs/metrics.md").read_text().split("\n## Log events\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z.]+[a-z._]*)` \| (.*) \|$", section, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return {event: [cell.strip() for cell in cells.split("|")] for event, cells in rows}


def test_the_table_lists_every_event_and_no_other() -> None:
    assert sorted(documented()) == sorted(logged())


def test_the_table_has_the_level_of_each_event() -> None:
    for event, levels in logged().items():
        assert levels <= set(re.findall(r"\w+", documented()[event][0])), event


def test_every_event_has_a_meaning_and_every_warning_a_next_step() -> None:
    for event, (level, meaning, next_step) in documented().items():
        assert meaning, event
        assert bool(next_step) >= (level in ("warning", "error")), event


def test_a_new_event_is_found() -> None:
    source = "log.info('disk.filled', size=1)\nwrite('gpu.lost')\nconditions.report('gpu 1', 'gpu.failed')"
    assert sorted(logged_in(source)) == [
        ("disk.filled", "info"),
        ("gpu.failed", "report"),
        ("gpu.lost", "write"),
    ]
