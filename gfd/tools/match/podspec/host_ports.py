"""Read the host ports of a PodSpec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.host_ports import HostPort, read_host_ports
from gfd.tools.match.podspec import pod_rules, rules
from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.podspec.pod_rules import Port

if TYPE_CHECKING:
    from gfd.documents.value import Value


def read_ports(spec: Value) -> tuple[HostPort, ...]:
    """Return the host ports of a PodSpec. Raises DocumentError."""
    network = spec.member("hostNetwork")
    has_host_network = network.boolean() if network else False
    for container in read_items(spec, "initContainers"):
        _check_ports(container, set(), has_host_network=has_host_network, is_init=True)
    used: set[tuple[str, str, int]] = set()
    for container in read_items(spec, "containers"):
        _check_ports(container, used, has_host_network=has_host_network)
    containers = {name: [_take(each) for each in read_items(spec, name)] for name in _CONTAINERS}
    return read_host_ports({"hostNetwork": has_host_network, **containers})


_CONTAINERS = ("initContainers", "containers")


def _take(container: Value) -> dict[str, object]:
    """Return the fields of a container that decide its host ports."""
    ports = find(container, "ports")
    return {"restartPolicy": read_text(container, "restartPolicy"), "ports": ports.plain() if ports else []}


def _check_ports(
    container: Value, used: set[tuple[str, str, int]], *, has_host_network: bool, is_init: bool = False
) -> None:
    """Raise DocumentError for a port that the API server refuses; add the host ports to ``used``."""
    names: set[str] = set()
    for item in read_items(container, "ports"):
        item.only("containerPort", "hostIP", "hostPort", "name", "protocol")
        port = Port(
            name=read_text(item, "name"),
            container_port=_read_number(item, "containerPort"),
            host_port=_read_number(item, "hostPort"),
            protocol=read_text(item, "protocol") or "TCP",
            has_host_network=has_host_network and not is_init,
        )
        rules.check(item, port, pod_rules.PORT)
        rules.check(item, port.name if port.name in names else None, pod_rules.REPEATED_PORT_NAME)
        names |= {port.name} if port.name else set()
        address = read_text(item, "hostIP")
        number = port.host_port or (port.container_port if has_host_network else 0)
        if number:
            key = (port.protocol, address, number)
            text = f"{number}/{port.protocol}" if key in used else None
            rules.check(item.field("hostPort"), text, pod_rules.REPEATED_PORT)
            used.add(key)


def _read_number(item: Value, name: str) -> int:
    number = item.member(name)
    return number.integer() if number else 0
