"""Read the devices that the containers of a pod request."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from gfd.clusterview.pods import sum_requests
from gfd.documents.value import describe
from gfd.kube.quantities import parse
from gfd.labels.syntax import VENDOR
from gfd.tools.match import rules
from gfd.tools.match.fields import check_spelling, find, read_text
from gfd.tools.match.rules import DeviceRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.documents.value import Value

POD_FIELDS = ("nodeSelector", "affinity", "tolerations", "nodeName")
"""Fields that only a PodSpec has, and nothing else inside a pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """The requests of all containers of a pod together."""

    requests: Mapping[str, int]
    """NVIDIA devices by resource name."""
    lines: Mapping[str, int]
    """The first line that names each of them."""
    others: tuple[str, ...]
    """The names of all other resources, sorted."""


def read_devices(*, init: Sequence[Value], main: Sequence[Value], pod: Value | None = None) -> Devices:
    """Return the requests of containers plus the ``overhead`` of a PodSpec. Raises DocumentError."""
    reader = _Reader()
    spec: dict[str, Any] = {
        "initContainers": [reader.read_container(each) for each in init],
        "containers": [reader.read_container(each) for each in main],
    }
    if pod:
        for kind in ("limits", "requests"):
            amounts = find(pod, "resources", kind)
            for name, entry in amounts.mapping().items() if amounts else ():
                rules.check(entry, name, rules.POD_RESOURCE)
        overhead = pod.member("overhead")
        spec["overhead"] = reader.read_amounts(overhead) if overhead else {}
    return Devices(requests=sum_requests(spec), lines=reader.lines, others=tuple(sorted(reader.others)))


class _Reader:
    """Reads containers one after the other, and collects lines and names of resources."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.others: set[str] = set()

    def read_container(self, container: Value) -> dict[str, Any]:
        check_spelling(container, ("resources",))
        for name in POD_FIELDS:
            if stray := container.member(name):
                raise stray.error("unknown key; move it to the pod, beside containers")
        policy = read_text(container, "restartPolicy")
        if container.member("restartPolicy"):
            rules.check(container.field("restartPolicy"), policy, rules.RESTART_POLICY)
        resources = container.member("resources")
        if resources is None:
            return {"restartPolicy": policy}
        resources.only("limits", "requests", "claims")
        limits, requests = (
            self.read_amounts(each) if each else {}
            for each in (resources.member("limits"), resources.member("requests"))
        )
        for name, amount in requests.items():
            request = DeviceRequest(name, amount, limits.get(name))
            rules.check(resources, request, rules.DEVICE_REQUEST)
        return {"resources": {"limits": limits}, "restartPolicy": policy}

    def read_amounts(self, amounts: Value) -> dict[str, int]:
        """Return the numbers of NVIDIA devices."""
        counts = {}
        for name, entry in amounts.mapping().items():
            rules.check(entry, name, rules.RESOURCE_NAME)
            if name.startswith(VENDOR):
                counts[name] = _read_count(entry)
                self.lines.setdefault(name, entry.line)
            else:
                self.others.add(name)
        return counts


def _read_count(entry: Value) -> int:
    content = 0 if entry.content is None else entry.content
    is_scalar = isinstance(content, str | int | float) and not isinstance(content, bool)
    try:
        amount = parse(str(content) if is_scalar else "")
    except ValueError:
        raise entry.error(f"expected a number of devices, found {describe(content)}") from None
    # The API server rounds up to thousandths before it checks.
    thousandths = ceil(amount * 1000)
    rules.check(entry, thousandths, rules.AMOUNT_IN_THOUSANDTHS)
    return thousandths // 1000
