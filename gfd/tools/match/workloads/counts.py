"""Count the pods that a part of an object creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.documents.value import Value


def read_number(value: Value, *names: str, default: int = 1, minimum: int = 0) -> int:
    """Return the whole number at the path ``names``, or ``default`` if it is absent. Raises DocumentError."""
    found = find(value, *names)
    return default if found is None else found.integer(minimum)


def count_at(*names: str, default: int = 1) -> Callable[[Value], int]:
    """Return a function that reads the number at a path of the owner."""
    return lambda owner: read_number(owner, *names, default=default)


def count_job_pods(spec: Value) -> int:
    """Return the number of pods of a JobSpec that run at the same time.

    Indexed jobs count in the same way. Without ``completions``, all pods of ``parallelism`` run.
    """
    parallelism = read_number(spec, "parallelism")
    return min(parallelism, read_number(spec, "completions", default=parallelism))


def count_worker_group(group: Value) -> int:
    """Return the number of pods of a worker group of Ray, as KubeRay counts them."""
    lowest = read_number(group, "minReplicas", default=0)
    highest = read_number(group, "maxReplicas", default=2**31 - 1)
    replicas = max(lowest, min(highest, read_number(group, "replicas", default=lowest)))
    return replicas * read_number(group, "numOfHosts")


def start_all_together(value: Value) -> int:
    """Return 0: all pods of the object start together."""
    return 0
