"""Read the resources that the containers of a pod request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.pods import default_pod_level, sum_containers, sum_requests
from gfd.clusterview.resources import HUGE_PAGES, round_up
from gfd.documents.value import describe
from gfd.kube.quantities import parse_thousandths
from gfd.tools.match.podspec import resource_rules, rules
from gfd.tools.match.podspec.fields import check_spelling, read_text
from gfd.tools.match.podspec.resource_rules import Amount, Bound, is_extended
from gfd.tools.match.podspec.scheduling import ContainerRequests

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
    containers: tuple[ContainerRequests, ...]
    """The requests of each container: the initContainers first."""


def read_devices(*, init: Sequence[Value], main: Sequence[Value], pod: Value) -> Devices:
    """Return the requests of containers plus the ``overhead`` of a PodSpec. Raises DocumentError."""
    reader = _Reader()
    spec: dict[str, Any] = {
        "initContainers": [reader.read_container(each) for each in init],
        "containers": [reader.read_container(each) for each in main],
    }
    if whole := pod.member("resources"):
        spec["resources"] = reader.read_whole_pod(whole, spec)
    overhead = pod.member("overhead")
    if overhead:
        spec["overhead"] = reader.read_amounts(overhead)
        rules.check(overhead, frozenset(spec["overhead"]), resource_rules.RESOURCES_TOGETHER)
    requests = round_up(sum_requests(spec, dict))
    found = (*spec["initContainers"], *spec["containers"])
    return Devices(
        requests=requests,
        lines=reader.lines,
        containers=tuple(
            ContainerRequests(
                thousandths={**resources.get("limits", {}), **resources.get("requests", {})},
                is_short_lived=number < len(init) and each["restartPolicy"] != "Always",
            )
            for number, each in enumerate(found)
            for resources in (each.get("resources", {}),)
        ),
    )


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
            if "/" in name or name in resource_rules.STANDARD_RESOURCES:
                amount = stray.content if isinstance(stray.content, str | int | float) else 1
                example = f"resources: {{limits: {{{name}: {amount}}}}}"
                raise stray.error(f"unknown key; put it under limits: {example}")
        found = self.read_resources(resources)
        for name, amount in found["requests"].items():
            bound = Bound(name, amount, found["limits"].get(name))
            rules.check(resources, bound, resource_rules.REQUEST)
        names = frozenset({**found["limits"], **found["requests"]})
        rules.check(resources, names, resource_rules.RESOURCES_TOGETHER)
        return {"resources": found, "restartPolicy": policy}

    def read_whole_pod(self, resources: Value, spec: Mapping[str, Any]) -> dict[str, dict[str, int]]:
        """Return the resources of a PodSpec itself, which ``spec`` must not exceed."""
        found = self.read_resources(resources)
        if claims := resources.member("claims"):
            raise claims.error("a pod cannot claim devices as a whole; claim them in a container")
        limits, requests = found["limits"], found["requests"]
        for kind, name in ((kind, name) for kind, amounts in found.items() for name in amounts):
            rules.check(resources.field(kind).field(name), name, resource_rules.POD_RESOURCE)
        total = sum_containers(spec, dict)
        for name, amount in total.items():
            rules.check(resources, Bound(name, amount, requests.get(name)), resource_rules.WHOLE_POD)
            is_huge = name.startswith(HUGE_PAGES)  # their limits equal the requests
            limit = limits.get(name) if is_huge else None
            rules.check(resources, Bound(name, amount, limit), resource_rules.WHOLE_POD)
        for container in spec["containers"]:
            for name, amount in container.get("resources", {}).get("limits", {}).items():
                rules.check(resources, Bound(name, amount, limits.get(name)), resource_rules.WHOLE_POD)
        for name, amount in default_pod_level(total, limits, requests).items():
            rules.check(resources, Bound(name, amount, limits.get(name)), resource_rules.REQUEST)
        names = frozenset({**total, **limits, **requests} if limits or requests else {})
        rules.check(resources, names, resource_rules.RESOURCES_TOGETHER)
        return found

    def read_resources(self, resources: Value) -> dict[str, dict[str, int]]:
        """Return the ``limits`` and ``requests``."""
        resources.only("limits", "requests", "claims")
        return {
            kind: self.read_amounts(amounts) if (amounts := resources.member(kind)) else {}
            for kind in ("limits", "requests")
        }

    def read_amounts(self, amounts: Value) -> dict[str, int]:
        """Return the amounts in thousandths."""
        found = {}
        for name, entry in amounts.mapping().items():
            rules.check(entry, name, resource_rules.RESOURCE_NAME)
            found[name] = _read_thousandths(name, entry)
            self.lines.setdefault(name, entry.line)
        return found


def _read_thousandths(name: str, entry: Value) -> int:
    content = 0 if entry.content is None else entry.content
    is_scalar = isinstance(content, str | int | float) and not isinstance(content, bool)
    is_device = is_extended(name)
    try:
        # The API server rounds up to thousandths before it checks.
        thousandths = parse_thousandths(str(content) if is_scalar else "")
    except ValueError:
        what = "number of devices" if is_device else "amount"
        fix = "write a whole number, such as 1" if is_device else "write an amount such as 1, 500m or 40Gi"
        raise entry.error(
            f"expected {'a' if is_device else 'an'} {what}, found {describe(content)}; {fix}"
        ) from None
    rules.check(entry, Amount(name, thousandths), resource_rules.AMOUNT)
    return thousandths
