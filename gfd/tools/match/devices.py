"""Read the resources that the containers of a pod request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.pods import sum_requests
from gfd.clusterview.resources import round_up
from gfd.documents.value import describe
from gfd.kube.quantities import parse_thousandths
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
    """The amounts by resource: ``cpu`` in thousandths, all others in whole units."""
    lines: Mapping[str, int]
    """The first line that names each of them."""


def read_devices(*, init: Sequence[Value], main: Sequence[Value], pod: Value) -> Devices:
    """Return the requests of containers plus the ``overhead`` of a PodSpec. Raises DocumentError."""
    reader = _Reader()
    spec: dict[str, Any] = {
        "initContainers": [reader.read_container(each) for each in init],
        "containers": [reader.read_container(each) for each in main],
    }
    for kind in ("limits", "requests"):
        amounts = find(pod, "resources", kind)
        for name, entry in amounts.mapping().items() if amounts else ():
            rules.check(entry, name, rules.POD_RESOURCE)
    overhead = pod.member("overhead")
    spec["overhead"] = reader.read_amounts(overhead) if overhead else {}
    requests = round_up(sum_requests(spec, dict))
    return Devices(requests=requests, lines=reader.lines)


class _Reader:
    """Reads containers one after the other, and collects the lines of resources."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}

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
        for name, stray in resources.mapping().items():
            if "/" in name or name in rules.STANDARD_RESOURCES:
                raise stray.error("put it under limits: a resource is not a key of resources itself")
        resources.only("limits", "requests", "claims")
        limits, requests = (
            self.read_amounts(each) if each else {}
            for each in (resources.member("limits"), resources.member("requests"))
        )
        for name, amount in requests.items():
            if name.startswith(VENDOR):
                limit = limits.get(name)
                request = DeviceRequest(name, amount // 1000, None if limit is None else limit // 1000)
                rules.check(resources, request, rules.DEVICE_REQUEST)
        return {"resources": {"limits": limits, "requests": requests}, "restartPolicy": policy}

    def read_amounts(self, amounts: Value) -> dict[str, int]:
        """Return the amounts in thousandths."""
        found = {}
        for name, entry in amounts.mapping().items():
            rules.check(entry, name, rules.RESOURCE_NAME)
            found[name] = _read_thousandths(name, entry)
            self.lines.setdefault(name, entry.line)
        return found


def _read_thousandths(name: str, entry: Value) -> int:
    content = 0 if entry.content is None else entry.content
    is_scalar = isinstance(content, str | int | float) and not isinstance(content, bool)
    is_device = name.startswith(VENDOR)
    try:
        # The API server rounds up to thousandths before it checks.
        thousandths = parse_thousandths(str(content) if is_scalar else "")
    except ValueError:
        what = "number of devices" if is_device else "amount"
        fix = "write a whole number, such as 1" if is_device else "write an amount such as 1, 500m or 40Gi"
        raise entry.error(
            f"expected {'a' if is_device else 'an'} {what}, found {describe(content)}; {fix}"
        ) from None
    if is_device:
        rules.check(entry, thousandths, rules.AMOUNT_IN_THOUSANDTHS)
    return thousandths
