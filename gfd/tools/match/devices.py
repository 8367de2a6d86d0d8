"""The devices that the containers of a file request, checked as the API server checks them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from gfd.clusterview.pods import sum_requests
from gfd.documents.value import describe
from gfd.kube.quantities import parse
from gfd.labels.syntax import VENDOR
from gfd.tools.match import validation
from gfd.tools.match.fields import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from gfd.tools.match.fields import Part

_RESOURCES = ("limits", "requests", "claims")
_STANDARD = ("cpu", "memory", "ephemeral-storage")
_POLICIES = ("Always", "Never", "OnFailure")
_OF_PODS = ("cpu", "hugepages-", "memory")
SCHEDULING = ("nodeSelector", "affinity", "tolerations", "nodeName")
"""Members of a PodSpec, and of nothing else within a pod."""
_MISPLACED = "; it belongs to the pod, beside containers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """What all containers of a pod request together."""

    requests: Mapping[str, int]
    """NVIDIA's, by resource name."""
    lines: Mapping[str, int]
    """Where each of them is first asked for."""
    others: tuple[str, ...]
    """Names of what else they request, sorted."""


def read_devices(*, init: Sequence[Part], main: Sequence[Part], pod: Part | None = None) -> Devices:
    """Return what containers request, and the ``overhead`` of a PodSpec. Raises DocumentError."""
    lines: dict[str, int] = {}
    others: set[str] = set()
    plain = {
        name: [_read_container(each, lines, others) for each in containers]
        for name, containers in (("initContainers", init), ("containers", main))
    }
    overhead = pod.member("overhead") if pod else None
    if pod and (own := pod.member("resources")):
        _refuse_devices_of_pod(own)
    extra = _read_amounts(overhead, lines, others) if overhead else {}
    requests = sum_requests({**plain, "overhead": extra})
    return Devices(requests=requests, lines=lines, others=tuple(sorted(others)))


def _read_container(part: Part, lines: dict[str, int], others: set[str]) -> dict[str, Any]:
    part.check_spelling("PodSpec", "v1.Container", ("resources",))
    for name in SCHEDULING:
        if part.member(name):
            raise part.place(name).unknown((), _MISPLACED)
    policy = _read_restart_policy(part)
    resources = part.member("resources")
    if resources is None:
        return {"restartPolicy": policy}
    resources.struct("Container", "v1.ResourceRequirements", _RESOURCES)
    limits, requests = (
        _read_amounts(each, lines, others) if each else {}
        for each in (resources.member("limits"), resources.member("requests"))
    )
    for name, amount in requests.items():
        if name not in limits:
            said = "Required value: Limit must be set for non overcommitable resources"
            hint = f"; write limits: {{{name}: {amount}}}"
            where = replace(resources.place("requests"), path=f"{resources.path}.limits")
            raise where.refuse(said, hint)
        if limits[name] != amount:
            rule = f"must be equal to {name} limit of {limits[name]}"
            raise resources.place("requests").refuse(validation.invalid(str(amount), rule))
    return {"resources": {"limits": limits}, "restartPolicy": policy}


def _read_restart_policy(container: Part) -> str:
    part = container.member("restartPolicy")
    policy = text_of(part, "Container", "v1.ContainerRestartPolicy")
    if part and policy not in _POLICIES:
        raise part.refuse(validation.unsupported(policy, _POLICIES))
    return policy


def _read_amounts(part: Part, lines: dict[str, int], others: set[str]) -> dict[str, int]:
    """Return the amounts of NVIDIA's devices, and note the names of all others."""
    amounts: dict[str, int] = {}
    for name, entry in part.entries("ResourceRequirements", "v1.ResourceList").items():
        if name.startswith(VENDOR):
            amounts[name] = _read_amount(name, entry)
            lines.setdefault(name, entry.line)
        elif "/" not in name and name not in _STANDARD and not name.startswith("hugepages-"):
            said = validation.invalid(name, "must be a standard resource type or fully qualified")
            raise entry.refuse(said, f"; write {VENDOR}{name}" if name.startswith(("gpu", "mig-")) else "")
        else:
            others.add(name)
    return amounts


def _read_amount(name: str, entry: Part) -> int:
    if rule := validation.of_label_key(name):
        raise entry.refuse(validation.invalid(name, rule))
    number = _read_quantity(entry)
    # The API server rounds up to thousandths before it looks.
    thousandths = ceil(number * 1000)
    text = str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
    if thousandths < 0:
        raise entry.refuse(validation.invalid(text, "must be greater than or equal to 0"))
    if thousandths % 1000:
        hint = "; a GPU is not divided by requests: see MIG, time-slicing and MPS"
        raise entry.refuse(validation.invalid(text, "must be an integer"), hint)
    return thousandths // 1000


def _read_quantity(entry: Part) -> Fraction:
    value = 0 if entry.value is None else entry.value
    is_scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
    try:
        return parse(str(value) if is_scalar else "")
    except ValueError:
        said = f"Kubernetes would refuse it: {validation.QUANTITY_RULE}; {entry.path} is {describe(value)}"
        raise entry.complain(said) from None


def _refuse_devices_of_pod(resources: Part) -> None:
    """Raise DocumentError for devices that the pod as a whole requests: only containers may."""
    for kind in ("limits", "requests"):
        part = resources.member(kind)
        for name, entry in part.entries("ResourceRequirements", "v1.ResourceList").items() if part else ():
            if name.startswith(VENDOR):
                raise entry.refuse(validation.unsupported(name, _OF_PODS), "; a container requests it")
