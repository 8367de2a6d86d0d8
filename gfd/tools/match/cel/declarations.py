"""Declare what a CEL expression on a device can use: the device, and the functions that Kubernetes adds.

Functions for URLs and formats are missing; :mod:`.functions` says that they are not judged.

Sources: ``k8s.io/dynamic-resource-allocation/cel/compile.go`` and the packages ``library`` and
``environment`` of ``k8s.io/apiserver/pkg/cel``, with the feature gates as Kubernetes 1.37 sets them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.tools.match.cel.library import load_cel, make_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

QUANTITY = "kubernetes.Quantity"
VERSION = "kubernetes.Semver"
_IP, _CIDR = "net.IP", "net.CIDR"

_ORDERED = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_SUMMABLE = ("int", "uint", "double", "duration")


class Signature(NamedTuple):
    """What a function takes and returns, as types of CEL."""

    parameters: str
    result: str
    is_member: bool = True


FUNCTIONS: dict[str, tuple[Signature, ...]] = {
    "quantity": (Signature("string", QUANTITY, False),),
    "isQuantity": (Signature("string", "bool", False),),
    "sign": (Signature(QUANTITY, "int", False),),
    "asApproximateFloat": (Signature(QUANTITY, "double"),),
    "asInteger": (Signature(QUANTITY, "int"),),
    "isInteger": (Signature(QUANTITY, "bool"),),
    "add": (Signature(f"{QUANTITY} {QUANTITY}", QUANTITY), Signature(f"{QUANTITY} int", QUANTITY)),
    "sub": (Signature(f"{QUANTITY} {QUANTITY}", QUANTITY), Signature(f"{QUANTITY} int", QUANTITY)),
    "isGreaterThan": tuple(Signature(f"{each} {each}", "bool") for each in (QUANTITY, VERSION)),
    "isLessThan": tuple(Signature(f"{each} {each}", "bool") for each in (QUANTITY, VERSION)),
    "compareTo": tuple(Signature(f"{each} {each}", "int") for each in (QUANTITY, VERSION)),
    "semver": (Signature("string", VERSION, False), Signature("string bool", VERSION, False)),
    "isSemver": (Signature("string", "bool", False), Signature("string bool", "bool", False)),
    "major": (Signature(VERSION, "int"),),
    "minor": (Signature(VERSION, "int"),),
    "patch": (Signature(VERSION, "int"),),
    "find": (Signature("string string", "string"),),
    "findAll": (
        Signature("string string", "list<string>"),
        Signature("string string int", "list<string>"),
    ),
    "isSorted": tuple(Signature(f"list<{each}>", "bool") for each in _ORDERED),
    "sum": tuple(Signature(f"list<{each}>", each) for each in _SUMMABLE),
    "max": tuple(Signature(f"list<{each}>", each) for each in _ORDERED),
    "min": tuple(Signature(f"list<{each}>", each) for each in _ORDERED),
    "ip": (Signature("string", _IP, False), Signature(_CIDR, _IP)),
    "ip.isCanonical": (Signature("string", "bool", False),),
    "isIP": (Signature("string", "bool", False),),
    "family": (Signature(_IP, "int"),),
    "isUnspecified": (Signature(_IP, "bool"),),
    "isLoopback": (Signature(_IP, "bool"),),
    "isLinkLocalMulticast": (Signature(_IP, "bool"),),
    "isLinkLocalUnicast": (Signature(_IP, "bool"),),
    "isGlobalUnicast": (Signature(_IP, "bool"),),
    "cidr": (Signature("string", _CIDR, False),),
    "isCIDR": (Signature("string", "bool", False),),
    "containsIP": (Signature(f"{_CIDR} string", "bool"), Signature(f"{_CIDR} {_IP}", "bool")),
    "containsCIDR": (Signature(f"{_CIDR} string", "bool"), Signature(f"{_CIDR} {_CIDR}", "bool")),
    "prefixLength": (Signature(_CIDR, "int"),),
    "masked": (Signature(_CIDR, _CIDR),),
}
"""The functions of Kubernetes that share no name with those of the runtime."""

_ADDED_OVERLOADS: dict[str, tuple[Signature, ...]] = {
    "indexOf": (Signature("list<~A> ~A", "int"),),
    "lastIndexOf": (Signature("list<~A> ~A", "int"),),
    **{
        f"_{sign}_": tuple(
            Signature(f"{left} {right}", "bool", False)
            for left in ("int", "uint", "double")
            for right in ("int", "uint", "double")
            if left != right
        )
        for sign in ("<", "<=", ">", ">=")
    },
}
"""What Kubernetes adds to functions that the runtime also has."""
_LIST_FUNCTIONS = {"includes": (Signature("dyn dyn", "bool"),)}


@cache
def make_environment(*, has_lists: bool) -> Any:
    """Return the environment that checks expressions. Raises CelMissing.

    ``has_lists`` is the feature gate DRAListTypeAttributes: attributes can be lists.
    """
    cel = load_cel()
    attribute = "dyn" if has_lists else "any"
    return make_runtime(
        variables={
            "device.driver": cel.Type("string"),
            "device.allowMultipleAllocations": cel.Type("bool"),
            "device.attributes": cel.Type(f"map<string,map<string,{attribute}>>"),
            "device.capacity": cel.Type(f"map<string,map<string,{QUANTITY}>>"),
        },
        functions=list(_declare(FUNCTIONS | (_LIST_FUNCTIONS if has_lists else {}))),
        extensions=[cel.CelExtension("kubernetes", list(_declare(_ADDED_OVERLOADS)))],
    )


def _declare(functions: dict[str, tuple[Signature, ...]]) -> Iterator[Any]:
    cel = load_cel()
    for name, signatures in functions.items():
        overloads = [
            cel.Overload(
                f"kubernetes_{name}_{number}",
                cel.Type(signature.result),
                [cel.Type(parameter) for parameter in signature.parameters.split()],
                signature.is_member,
            )
            for number, signature in enumerate(signatures)
        ]
        yield cel.FunctionDecl(name, overloads)
