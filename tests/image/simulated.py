"""A machine that gfd can simulate, and its labels as the golden files have them."""

from __future__ import annotations

import re

from tests.image.sources import ROOT

MACHINE, LAYOUT, STRATEGY = "mig-doc", "all-1g.5gb", "single"
ARGUMENTS = (f"--simulate={MACHINE}", f"--mig={LAYOUT}", f"--mig-strategy={STRATEGY}", "--no-timestamp")


def read_golden(layout: str, strategy: str) -> str:
    """Return the labels of a layout without sharing, in lines of ``key=value``."""
    text = (ROOT / f"tests/golden/{MACHINE}.txt").read_text()
    sections = re.findall(r"((?:^\[.*\]\n)+)((?:^[^\[\n].*\n)+)", text, re.MULTILINE)
    (labels,) = (lines for cases, lines in sections if f"[{layout} {strategy} none]\n" in cases)
    return str(labels)


LABELS = read_golden(LAYOUT, STRATEGY)
"""In lines of ``key=value``."""
