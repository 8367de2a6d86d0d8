"""Run all checks between the GPU and the label, and format their results. Nothing is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gfd.errors import GfdError
from gfd.tools.doctor.checks import CHECKS, HARDWARE
from gfd.tools.doctor.result import CheckResult, fail, skip, warn
from gfd.tools.table import Styled, format_table
from gfd.tools.terminal import DIM, GREEN, RED, YELLOW, pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import Check, State
    from gfd.tools.table import Cell

    NamedResults = Sequence[tuple[str, CheckResult]]
    """Pairs of a check's name and its result."""

_WORDS: dict[State, tuple[str, str, str]] = {
    "ok": ("ok", GREEN, "ok"),
    "warn": ("warn", YELLOW, "warning"),
    "fail": ("FAIL", RED, "failed"),
    "skip": ("skip", DIM, "skipped"),
}
"""State -> the word in its lines, its style, and its word in the last line."""

_REASONS = {"tegra": "tegra asks CUDA, not NVML", "vfio": "vfio needs no driver"}
"""Discovery strategy -> why checks of the driver do not apply."""


def run_checks(context: Context, checks: Sequence[Check] = CHECKS) -> Iterator[tuple[str, CheckResult]]:
    """Yield the name and the result of each check; all checks that cannot run share one result."""
    checks = [check for check in checks if check.applies(context.config)]
    hardware = [check for check in checks if check in HARDWARE]
    is_bare = HARDWARE[0] in hardware and not context.config.simulate and context.is_bare
    if is_bare:
        yield HARDWARE[0].name, _describe_bare(context)
        if context.config.fail_on_init_error:
            return
    elif hardware and context.config.simulate:
        names = _join_names([each for each in hardware if "nvml" in each.strategies])
        yield "hardware", skip(f"not checked, because {context.config.simulate} is simulated: {names}")
    is_checked = bool(hardware) and not (is_bare or context.config.simulate)
    others = [each for each in hardware if context.strategy not in each.strategies] if is_checked else []
    # Nobody misses a check that is only about another strategy.
    unchecked = [each for each in others if "nvml" in each.strategies]
    without_cluster = []
    for check in checks:
        if check in hardware and not is_checked:
            continue
        if check in others:
            if check in unchecked[:1]:
                reason = _REASONS[context.strategy]
                yield "NVIDIA driver", skip(f"not checked, because {reason}: {_join_names(unchecked)}")
            continue
        if check.needs_cluster and isinstance(context.cluster, GfdError):
            without_cluster.append(check)
        else:
            yield check.name, _run_check(check, context)
    if without_cluster:
        yield "cluster", skip(f"not checked without a cluster: {_join_names(without_cluster)}")


def _describe_bare(context: Context) -> CheckResult:
    """Return the result for a machine without GPU and driver; it replaces all checks of the hardware."""
    step = "if there should be a GPU, check that it sits in its slot or is passed to the virtual machine"
    if not context.config.fail_on_init_error:
        return warn("no NVIDIA GPU and no driver on this machine", step)
    step = (
        f"run gfd doctor on a node with a GPU; {step}; for nodes without one, set --fail-on-init-error=false"
    )
    return fail("no NVIDIA GPU and no driver on this machine, so nothing else was checked", step)


def _run_check(check: Check, context: Context) -> CheckResult:
    try:
        return check.run(context)
    except GfdError as error:
        return fail(f"the check failed: {error}", "solve this problem first")
    except Exception as error:  # a defect in one check must not hide the results of the others
        seen = f"the check crashed: {type(error).__name__}: {error}"
        return fail(seen, "report this defect with gfd doctor --bundle")


def _join_names(checks: Sequence[Check]) -> str:
    return ", ".join(check.name for check in checks)


def to_text(results: NamedResults, *, width: int | None = None, is_coloured: bool = False) -> str:
    """Return a line for each result, its next step below, and a summary.

    ``width`` is the terminal's, in columns; longer lines are wrapped.
    """
    rows: list[tuple[Cell, ...]] = []
    for name, result in results:
        word, style, _ = _WORDS[result.state]
        rows.append((Styled(text=f"{word:<4}", style=style), name, result.seen))
        if result.next_step:
            rows.append(("", "", f"-> {result.next_step}"))
    text = format_table(rows, width=width, is_coloured=is_coloured, is_wrapped=True)
    return f"{text}{summarise(results)}\n"


def summarise(results: NamedResults) -> str:
    """Return the number of results in each state: ``8 ok, 1 warning``."""
    counts = {state: sum(each.state == state for _, each in results) for state in _WORDS}
    return ", ".join(
        pluralize(count, _WORDS[state][2]) if state == "warn" else f"{count} {_WORDS[state][2]}"
        for state, count in counts.items()
        if count
    )


def to_json(results: NamedResults) -> str:
    """Return the results as JSON."""
    plain = [
        {"check": name, "state": each.state, "seen": each.seen, "next": each.next_step or None}
        for name, each in results
    ]
    return json.dumps(plain, indent=2) + "\n"
