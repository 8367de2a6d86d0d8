"""Kubernetes' functions for IP addresses and networks (``ip.go`` and ``cidr.go`` in its CEL library)."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface
from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel.values import Failure, WrongType, describe

if TYPE_CHECKING:
    from collections.abc import Callable

_NETWORK = re.compile(r"[^%]+/(?:0|[1-9][0-9]*)")
_BROADCAST = IPv4Address("255.255.255.255")
_Address = IPv4Address | IPv6Address
_Network = IPv4Interface | IPv6Interface


def _parse_address(text: Any) -> _Address:
    try:
        address = ip_address(_expect_text(text))
    except ValueError as error:
        raise Failure(f"not an IP address: {text!r}") from error
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address.ipv4_mapped):
        raise Failure(f"not an IP address for Kubernetes: {text!r}")
    return address


def _parse_network(text: Any) -> _Network:
    if not _NETWORK.fullmatch(_expect_text(text)):
        raise Failure(f"not a network: {text!r}; one is written like 10.0.0.0/8")
    try:
        network = ip_interface(text)
    except ValueError as error:
        raise Failure(f"not a network: {text!r}; one is written like 10.0.0.0/8") from error
    if isinstance(network.ip, IPv6Address) and network.ip.ipv4_mapped:
        raise Failure(f"not a network for Kubernetes: {text!r}")
    return network


def _contains_address(network: Any, address: Any) -> bool:
    address = _parse_address(address) if isinstance(address, str) else _expect_address(address)
    return address in _expect_network(network).network


def _contains_network(network: Any, other: Any) -> bool:
    outer = _expect_network(network).network
    inner = _expect_network(_parse_network(other) if isinstance(other, str) else other).network
    return outer.version == inner.version and outer.supernet_of(inner)  # type: ignore[arg-type]


def _read_ip(value: Any) -> _Address:
    """Return the address of a text, or that of a network."""
    return _parse_address(value) if isinstance(value, str) else _expect_network(value).ip


def _mask(network: Any) -> _Network:
    return ip_interface(str(_expect_network(network).network))


def _is_local_multicast(address: Any) -> bool:
    number = int(_expect_address(address))
    if address.version == 4:
        return number >> 8 == 0xE00000
    return number >> 120 == 0xFF and number >> 112 & 0x0F == 2


def _is_global_unicast(address: Any) -> bool:
    return not (
        _expect_address(address).is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or address == _BROADCAST
    )


def _succeeds(parse: Callable[[Any], Any], text: Any) -> bool:
    try:
        parse(text)
    except WrongType:
        raise
    except Failure:
        return False
    return True


def _expect_text(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongType(f"gets {describe(value)} instead of a string")
    return value


def _expect_address(value: Any) -> _Address:
    if isinstance(value, IPv4Interface | IPv6Interface) or not isinstance(value, IPv4Address | IPv6Address):
        raise WrongType(f"gets {describe(value)} instead of an IP address")
    return value


def _expect_network(value: Any) -> _Network:
    if not isinstance(value, IPv4Interface | IPv6Interface):
        raise WrongType(f"gets {describe(value)} instead of a network")
    return value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ip": _read_ip,
    "isIP": lambda text: _succeeds(_parse_address, text),
    "ip.isCanonical": lambda text: str(_parse_address(text)) == text,
    "family": lambda address: _expect_address(address).version,
    "isUnspecified": lambda address: _expect_address(address).is_unspecified,
    "isLoopback": lambda address: _expect_address(address).is_loopback,
    "isLinkLocalMulticast": _is_local_multicast,
    "isLinkLocalUnicast": lambda address: _expect_address(address).is_link_local,
    "isGlobalUnicast": _is_global_unicast,
    "cidr": _parse_network,
    "isCIDR": lambda text: _succeeds(_parse_network, text),
    "containsIP": _contains_address,
    "containsCIDR": _contains_network,
    "prefixLength": lambda network: _expect_network(network).network.prefixlen,
    "masked": _mask,
}
