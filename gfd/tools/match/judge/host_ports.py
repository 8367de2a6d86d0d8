"""Compare the host ports of a pod with those of the pods on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.judge.mismatches import HOST_PORT, Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.host_ports import HostPort


def compare_ports(ports: tuple[HostPort, ...], pods: Iterable[BoundPod]) -> Iterator[Mismatch]:
    """Yield a mismatch for each port that a pod of the node occupies."""
    taken = [(port, pod) for pod in pods for port in pod.host_ports]
    for port in ports:
        for other, pod in taken:
            if port.conflicts_with(other):
                found = f"{pod.namespace}/{pod.name} has {other}"
                yield Mismatch(kind=HOST_PORT, wanted=f"hostPort {port}", found=found)
                break
