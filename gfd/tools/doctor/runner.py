"""One pass over everything between the GPU and the label, read-only, whatever state it is in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gfd.errors import GfdError
from gfd.tools.doctor.checks import CHECKS, HARDWARE
from gfd.tools.doctor.result import Finding, fail, skip
from gfd.tools.table import Styled, format_table
from gfd.tools.terminal import DIM, GREEN, RED, YELLOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.tools.doctor.context import Site
    from gfd.tools.doctor.result import Check, State
    from gfd.tools.table import Cell

    Findings = Sequence[tuple[str, Finding]]
    """With the names of their checks."""

_WORDS: dict[State, tuple[str, str, str]] = {
    "ok": ("ok", GREEN, "ok"),
    "warn": ("warn", YELLOW, "to be warned of"),
    "fail": ("FAIL", RED, "failed"),
    "skip": ("skip", DIM, "skipped"),
}
"""State -> the word of its lines, its style, and its word at the foot."""


def examine(site: Site, checks: Sequence[Check] = CHECKS) -> Iterator[tuple[str, Finding]]:
    """Yield what each check found. Those that need what is not there are one finding together."""
    simulated = [check for check in checks if check in HARDWARE and site.config.simulate]
    if simulated:
        yield "hardware", skip(f"{site.config.simulate} is simulated: {_names(simulated)}")
    without_cluster = []
    for check in checks:
        if check in simulated:
            continue
        if check.needs_cluster and isinstance(site.cluster, GfdError):
            without_cluster.append(check)
        else:
            yield check.name, _ask(check, site)
    if without_cluster:
        yield "cluster", skip(f"no answer from one, so nothing about: {_names(without_cluster)}")


def _ask(check: Check, site: Site) -> Finding:
    try:
        return check.examine(site)
    except GfdError as error:
        return fail(f"cannot be examined: {error}", "what is said there comes first")
    except Exception as error:  # a defect of one check must not hide what the others find
        seen = f"this check itself failed: {type(error).__name__}: {error}"
        return fail(seen, "report it, with gfd doctor --bundle")


def _names(checks: Sequence[Check]) -> str:
    return ", ".join(check.name for check in checks)


def to_text(findings: Findings, *, width: int | None = None, is_coloured: bool = False) -> str:
    """Return a line a finding, its next step below, and the numbers at the foot.

    ``width`` is that of the terminal, in columns: longer lines go on below.
    """
    rows: list[tuple[Cell, ...]] = []
    for name, finding in findings:
        word, style, _ = _WORDS[finding.state]
        rows.append((Styled(text=f"{word:<4}", style=style), name, finding.seen))
        if finding.next_step:
            rows.append(("", "", f"-> {finding.next_step}"))
    text = format_table(rows, width=width, is_coloured=is_coloured, is_wrapped=True)
    return f"{text}{summarise(findings)}\n"


def summarise(findings: Findings) -> str:
    """Return the numbers in a line."""
    counts = {state: sum(each.state == state for _, each in findings) for state in _WORDS}
    return ", ".join(f"{count} {_WORDS[state][2]}" for state, count in counts.items() if count)


def to_json(findings: Findings) -> str:
    """Return the findings as JSON."""
    plain = [
        {"check": name, "state": each.state, "seen": each.seen, "next": each.next_step or None}
        for name, each in findings
    ]
    return json.dumps(plain, indent=2) + "\n"
