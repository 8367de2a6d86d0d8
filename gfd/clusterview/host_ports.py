"""The ports of a node that a pod occupies, as kube-scheduler's plugin NodePorts counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - the scheduler's value for a port on all addresses of the node
PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPort:
    """A port of the node."""

    ip: str = ALL_ADDRESSES
    """The address of the node; :data:`ALL_ADDRESSES` means every address."""
    protocol: str = "TCP"
    number: int

    def conflicts_with(self, other: HostPort) -> bool:
        """Return whether two pods that occupy these ports cannot share a node."""
        return (
            (self.protocol, self.number) == (other.protocol, other.number)
            and (self.ip == other.ip or ALL_ADDRESSES in (self.ip, other.ip))
        )  # fmt: skip

    def __str__(self) -> str:
        """Return the port for people: ``8080/TCP``, or ``10.0.0.1:8080/TCP``."""
        address = "" if self.ip == ALL_ADDRESSES else f"{self.ip}:"
        return f"{address}{self.number}/{self.protocol}"


def read_host_ports(spec: Mapping[str, Any]) -> tuple[HostPort, ...]:
    """Return the host ports of a PodSpec. Raises ValueError if it is malformed.

    With ``hostNetwork``, each ``containerPort`` is a host port, too. Init containers count if they keep
    running (``restartPolicy: Always``).
    """
    has_host_network = read_field(spec, "hostNetwork", bool)
    return tuple(
        port
        for container in _list_running(spec)
        for item in read_field(container, "ports", list)
        if (port := _read_port(item, has_host_network=has_host_network))
    )


def _list_running(spec: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the containers that run as long as the pod."""
    for container in read_field(spec, "initContainers", list):
        if read_field(container, "restartPolicy", str) == "Always":
            yield container
    yield from read_field(spec, "containers", list)


def _read_port(item: Any, *, has_host_network: bool) -> HostPort | None:
    number = read_field(item, "hostPort", int)
    if not number and has_host_network:
        number = read_field(item, "containerPort", int)
    if number <= 0:
        return None
    return HostPort(
        ip=read_field(item, "hostIP", str) or ALL_ADDRESSES,
        protocol=read_field(item, "protocol", str) or "TCP",
        number=number,
    )
