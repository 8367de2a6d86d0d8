"""The command: it takes sizes and options and writes a table, JSON and a chart."""

from __future__ import annotations

import argparse
import resource
import shlex
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bench.scale import layouts as labels
from bench.scale.actor import STACK_BYTES
from bench.scale.chart import draw
from bench.scale.fleet import PROCESSES, Fleet
from bench.scale.judge import Judge
from bench.scale.objects import Maker
from bench.scale.plane import Plane
from bench.scale.result import Measurement, load, machine, save
from bench.scale.scenarios import SCENARIOS, is_of
from bench.scale.table import render
from bench.scale.worker import ORIGINAL
from bench.scale.world import World
from tests.cluster.programs import NEWEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES = (500,)
SYSTEMS = ("node", ORIGINAL)
FIRST = "start"
ALL_SYSTEMS = ("node", "nodefeature", ORIGINAL)
MAKE_S = 600.0
"""The time that kwok has to start all pods."""


def main() -> None:
    """Measure size by size; write the results so far after each scenario."""
    options = parse(sys.argv[1:])
    measured = load(options.merge) if options.merge else []
    about = {
        "machine": machine(),
        "kubernetes": NEWEST,
        "command": "tox -e scale -- " + shlex.join(sys.argv[1:]),
    }
    for nodes in options.sizes:
        for found in _measure(nodes, options):
            measured.append(found)
            print(render([found]), file=sys.stderr, flush=True)
            if options.json:
                save(options.json, about, measured)
    if options.json:
        save(options.json, about, measured)
    if options.svg:
        options.svg.write_text(draw(measured))
    print(render(measured))


def _measure(nodes: int, options: argparse.Namespace) -> Iterator[Measurement]:
    names = [f"scale-{number:05}" for number in range(nodes)]
    with tempfile.TemporaryDirectory() as folder:
        plane = Plane(Path(folder))
        try:
            plane.install()
            maker = Maker(home=plane.home, kubeconfig=plane.kubeconfig, port=plane.port)
            fleet = Fleet(maker, names, options.processes)
            try:
                _say(f"{nodes} nodes: made, waiting for kwok")
                plane.wait_for_pods(MAKE_S)
                world = World(
                    plane=plane,
                    fleet=fleet,
                    judge=Judge(plane.kubeconfig),
                    layouts=labels.read(),
                    start_s=options.start_over,
                    outage_s=options.outage,
                )
                yield from _go_through(world, options)
            finally:
                fleet.close()
        finally:
            plane.close()


def _go_through(world: World, options: argparse.Namespace) -> Iterator[Measurement]:
    for number, system in enumerate(options.systems):
        if number:
            world.clear()
        if system != "node" and not world.has_master:
            world.fleet.begin_master()
            world.has_master = True
        world.system = system
        for scenario in options.scenarios:
            if is_of(system, scenario):
                _say(f"{len(world.names)} nodes, {system}: {scenario}")
                yield SCENARIOS[scenario](world)
    world.fleet.tell("end", is_withdrawing=False)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options; bad usage prints the help and exits with code 2."""
    parser = argparse.ArgumentParser(prog="tox -e scale --", description=__doc__)
    parser.add_argument("sizes", type=_count, nargs="*", metavar="SIZE", help="numbers of nodes; default 500")
    parser.add_argument(
        "--systems", type=_list_of(ALL_SYSTEMS), default=SYSTEMS, metavar="LIST",
        help=f"of {', '.join(ALL_SYSTEMS)}; default {','.join(SYSTEMS)}",
    )  # fmt: skip
    parser.add_argument(
        "--scenarios", type=_list_of(tuple(SCENARIOS)), default=tuple(SCENARIOS), metavar="LIST",
        help=f"of {', '.join(SCENARIOS)}; default all, and {FIRST} in any case",
    )  # fmt: skip
    parser.add_argument(
        "--start-over", type=float, default=0.0, metavar="SECONDS", help="in which all begin; default 0"
    )
    parser.add_argument("--outage", type=float, default=300.0, metavar="SECONDS", help="default 300")
    parser.add_argument(
        "--processes", type=_count, default=PROCESSES, help="that drive the agents; default 4"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the growth there")
    parser.add_argument(
        "--merge", type=Path, nargs="+", metavar="FILE", help="add what earlier runs wrote with --json"
    )
    options = parser.parse_args(arguments)
    options.scenarios = (FIRST, *(each for each in options.scenarios if each != FIRST))
    options.sizes = options.sizes or ([] if options.merge else list(SIZES))
    return options


def _list_of(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        wanted = tuple(text.split(","))
        if unknown := [each for each in wanted if each not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return tuple(each for each in known if each in wanted)

    return parse


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return int(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    threading.stack_size(STACK_BYTES)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # A process that is ended also ends the processes it started.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    main()
