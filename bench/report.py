"""Figures as a table, as JSON and as a chart."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import asdict
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.figure import GFD, ORIGINAL, Figure, quarters

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES = ("nvidia-ml-py", "jinja2", "apscheduler", "structlog")
_BAR, _ROW, _LEFT, _WIDTH = 12, 42, 330, 860


def describe() -> dict[str, Any]:
    """Return what the figures depend on: the machine, the versions and the command."""
    processors = Path("/proc/cpuinfo").read_text()
    models = [line.partition(": ")[2] for line in processors.splitlines() if line.startswith("model name")]
    return {
        "processor": f"{len(models)} of {models[0]}" if models else platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "gpus": _gpus(),
        "original": os.environ.get("GFD_PEER", ""),
        "command": " ".join(["python", "-m", "bench", *sys.argv[1:]]),
        "load": os.getloadavg()[0],
    }


def write_table(figures: Sequence[Figure]) -> str:
    """Return a line for each figure: medians with their middle half, and the ratio to the original's."""
    lines = []
    for figure in figures:
        lines.append(
            f"{figure.benchmark} · {figure.node} · {figure.name}{figure.unit and f' [{figure.unit}]'}"
        )
        for program, samples in figure.samples.items():
            low, middle, high = quarters(samples)
            lines.append(f"    {program:24}{middle:10.4g}   {low:.4g} to {high:.4g} of {len(samples)}")
        if figure.ratio is not None:
            lines.append(f"    {'gfd to the original':24}{figure.ratio:10.2f}   {figure.verdict}")
    return "\n".join(lines) + "\n"


def to_plain(figures: Sequence[Figure]) -> dict[str, Any]:
    """Return everything, samples included, for keeping."""
    return {
        "about": describe(),
        "figures": [
            asdict(figure) | {"ratio": figure.ratio, "verdict": figure.verdict} for figure in figures
        ],
    }


def draw(figures: Sequence[Figure]) -> str:
    """Return an SVG with gfd's and the original's median of each figure that has both."""
    pairs = [figure for figure in figures if figure.ratio is not None]
    height = len(pairs) * _ROW + 30
    rows = [_row(figure, 20 + number * _ROW) for number, figure in enumerate(pairs)]
    style = "text{font:12px sans-serif;fill:#777}.gfd{fill:#5b9e1a}.original{fill:#9a9a9a}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="gfd (green) and the original (grey): less is better"><style>{style}</style>'
        f"{''.join(rows)}</svg>\n"
    )


def _row(figure: Figure, top: int) -> str:
    medians = {name: quarters(figure.samples[name])[1] for name in (GFD, ORIGINAL)}
    scale = (_WIDTH - _LEFT - 120) / max(medians.values())
    title = escape(f"{figure.benchmark}, {figure.node}: {figure.name}")
    parts = [f'<text x="{_LEFT - 8}" y="{top + 16}" text-anchor="end">{title}</text>']
    for number, (name, value) in enumerate(medians.items()):
        y = top + number * (_BAR + 2)
        parts.append(
            f'<rect class="{name}" x="{_LEFT}" y="{y}" width="{value * scale:.1f}" height="{_BAR}"/>'
            f'<text x="{_LEFT + value * scale + 5:.1f}" y="{y + 10}">{value:.4g} {figure.unit} {name}</text>'
        )
    return "".join(parts)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _gpus() -> list[str]:
    try:
        run = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [line.partition(" (UUID")[0] for line in run.stdout.splitlines() if line.startswith("GPU")]
