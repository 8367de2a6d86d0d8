"""Render the labels of a simulated machine before and after a change of its MIG layout."""

from __future__ import annotations

import json
import subprocess
import sys

MACHINE = "dgx-a100"
LAYOUTS = ("all-1g.5gb", "all-2g.10gb")
"""Eight GPUs with 56 and 24 MIG devices."""


def read() -> tuple[dict[str, str], ...]:
    """Return the labels for each layout."""
    return tuple(_dump(layout) for layout in LAYOUTS)


def _dump(layout: str) -> dict[str, str]:
    run = subprocess.run(
        (sys.executable, "-m", "gfd", "dump", f"--simulate={MACHINE}", f"--mig={layout}",
         "--mig-strategy=mixed", "-o", "json", "--no-timestamp"),
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    labels: dict[str, str] = json.loads(run.stdout)
    return labels
