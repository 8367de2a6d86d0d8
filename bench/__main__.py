"""``python -m bench [NAME …] [--runs N] [--json FILE] [--svg FILE]``; the original is what GFD_PEER names."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import change, growth, oneshot, people, reading, report, requests, service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.figure import Figure

BENCHMARKS: dict[str, Callable[[Path, int], Iterator[Figure]]] = {
    "oneshot": oneshot.measure,
    "service": service.measure,
    "sinks": service.measure_sinks,
    "change": change.measure,
    "growth": growth.measure,
    "requests": requests.measure,
    "people": people.measure,
    "reading": reading.measure,
}


def main() -> None:
    """Run the benchmarks that are named, or all, and show what they find as they find it."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--runs", type=int, default=20, help="of each program on each node")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    figures: list[Figure] = []
    for name in given.names or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="gfd-bench-") as folder:
            for figure in BENCHMARKS[name](Path(folder), given.runs):
                sys.stdout.write(report.write_table([figure]))
                sys.stdout.flush()
                figures.append(figure)
    if given.json:
        given.json.write_text(json.dumps(report.to_plain(figures), indent=1) + "\n", encoding="utf-8")
    if given.svg:
        given.svg.write_text(report.draw(figures), encoding="utf-8")


main()
