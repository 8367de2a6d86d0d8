"""Format results for a terminal and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.scale.result import Measurement

HEAD = (
    "nodes", "system", "scenario", "seconds", "requests", "p50 ms", "p99 ms", "server CPU s", "etcd CPU s",
    "driver CPU s", "others CPU s", "server MiB", "right after s", "watched after s", "change to label s",
    "changes", "writes", "errors", "lost",
)  # fmt: skip


def render(measured: Iterable[Measurement]) -> str:
    """Return a Markdown table."""
    rows = [_row(each) for each in sorted(measured, key=lambda each: (each.nodes, each.system))]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    lines = [HEAD, tuple("-" * width for width in widths), *rows]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    filled = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(filled)} |"


def _row(of: Measurement) -> tuple[str, ...]:
    lasted = f"{of.wall_s:.0f}"
    if of.life_s > of.wall_s + 1:
        lasted += f" for {of.life_s / 3600:.1f} h"
    delays = of.delays_s
    return (
        f"{of.nodes:,}",
        title(of.system),
        of.scenario,
        lasted,
        counts(of.requests),
        milliseconds(of.p50_s),
        milliseconds(of.p99_s),
        f"{of.server_cpu_s:.1f}",
        f"{of.etcd_cpu_s:.1f}",
        f"{of.driver_cpu_s:.1f}",
        f"{of.foreign_cpu_s:.1f}",
        f"{of.server_mib:,}",
        "-" if not of.changes else f"{of.right_s:.1f}" if of.right_s is not None else f"never: {of.wrong}",
        "-" if of.watching_s is None else f"{of.watching_s:.1f}",
        f"{delays['p50']:.2f}, {delays['p99']:.2f}, {delays['worst']:.2f}" if delays else "-",
        f"{of.changes:,}",
        f"{of.writes:,}" + (f" (most {of.most_writes})" if of.most_writes > 1 else ""),
        counts(of.errors),
        str(of.lost),
    )


def title(system: str) -> str:
    """Return the name of a system for people."""
    return system if system == "original" else f"gfd, {system}"


def counts(of: dict[str, int]) -> str:
    """Return ``GET 12, PATCH 3``, or 0 if there are none."""
    return ", ".join(f"{name} {count:,}" for name, count in of.items() if count) or "0"


def milliseconds(bound_s: float | None) -> str:
    """Return the upper bound of a bucket."""
    return "-" if bound_s is None else f"≤ {bound_s * 1000:,.0f}"
