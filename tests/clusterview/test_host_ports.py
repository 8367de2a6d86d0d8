"""Which ports of its node a pod occupies, and which ports exclude each other."""

from __future__ import annotations

from typing import Any

import pytest

from gfd.clusterview.host_ports import HostPort, read_host_ports


def container(*ports: Any, **members: Any) -> dict[str, Any]:
    return {"name": "c", "ports": list(ports), **members}


def test_read() -> None:
    spec = {
        "initContainers": [
            container({"containerPort": 1, "hostPort": 1}),
            container({"containerPort": 2, "hostPort": 2}, restartPolicy="Always"),
        ],
        "containers": [
            container({"containerPort": 80}, {"containerPort": 80, "hostPort": 0}),
            container({"containerPort": 80, "hostPort": 8080, "hostIP": "10.0.0.1", "protocol": "UDP"}),
            {"name": "no ports"},
        ],
    }
    assert read_host_ports(spec) == (
        HostPort(number=2),
        HostPort(ip="10.0.0.1", protocol="UDP", number=8080),
    )


def test_host_network() -> None:
    spec = {
        "hostNetwork": True,
        "containers": [container({"containerPort": 80}, {"containerPort": 90, "hostPort": 90, "hostIP": ""})],
    }
    assert read_host_ports(spec) == (HostPort(number=80), HostPort(number=90))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"containers": [container({"hostPort": "80"})]}, "has a field hostPort that is not a whole number"),
        ({"containers": ["c"]}, "has an entry that is not a mapping"),
        ({"hostNetwork": 1}, "has a field hostNetwork that is not true or false"),
    ],
)
def test_malformed(spec: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        read_host_ports(spec)


def test_conflicts() -> None:
    everywhere, one, other = HostPort(number=80), HostPort(number=80, ip="1"), HostPort(number=80, ip="2")
    assert everywhere.conflicts_with(one)
    assert one.conflicts_with(everywhere)
    assert one.conflicts_with(one)
    assert not one.conflicts_with(other)
    assert not everywhere.conflicts_with(HostPort(number=81))
    assert not everywhere.conflicts_with(HostPort(number=80, protocol="UDP"))


def test_text() -> None:
    assert str(HostPort(number=80)) == "80/TCP"
    assert str(HostPort(ip="10.0.0.1", protocol="UDP", number=53)) == "10.0.0.1:53/UDP"
