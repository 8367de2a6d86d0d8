"""The processes that drive the agents."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from bench.scale.usage import cpu_s, memory_mib
from bench.scale.worker import Counts, run

if TYPE_CHECKING:
    from bench.scale.objects import Maker

    Pipe = multiprocessing.connection.Connection

PROCESSES = 4


class Fleet:
    """All agents, distributed over processes."""

    def __init__(self, maker: Maker, names: list[str], processes: int = PROCESSES) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.names = names
        self._pipes = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=run, args=(theirs, maker), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        self._told(
            [
                ("make", {"names": names[number::processes], "first": f"first-{number}"})
                for number in range(processes)
            ]
        )

    def tell(self, name: str, **arguments: Any) -> list[Any]:
        """Call a method in every process; return the results."""
        return self._told([(name, arguments)] * len(self._pipes))

    def begin_master(self) -> None:
        """Start NFD's master in one of the processes."""
        self._told([("begin_master", {})])

    def count(self) -> Counts:
        """Return the requests of all agents."""
        total = Counts()
        for counts in self.tell("count"):
            total = total.plus(counts)
        return total

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes."""
        return sum(cpu_s(process.pid or 0) for process in self._processes)

    @property
    def memory_mib(self) -> int:
        """Resident memory of all processes."""
        return sum(memory_mib(process.pid or 0) for process in self._processes)

    def close(self) -> None:
        """End all processes."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(10)
            process.kill()

    def _told(self, orders: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        pipes = self._pipes[: len(orders)]
        for pipe, order in zip(pipes, orders, strict=True):
            pipe.send(order)
        answers = [pipe.recv() for pipe in pipes]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers
