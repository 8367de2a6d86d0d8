"""Read the devices that the containers of a pod request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.kube.quantities import parse_thousandths
from gfd.labels.syntax import VENDOR
from gfd.text import escape
from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.rewrite.kinds import explain_resource
from gfd.tools.match.rewrite.remark import Remark
from gfd.tools.match.rewrite.requests import ContainerDevices

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.documents.value import Value
    from gfd.tools.match.rewrite.requests import ClaimPlan

CONTAINERS = ("initContainers", "containers")
"""The fields of a PodSpec with containers, in the order in which they start."""


def read_containers(spec: Value) -> list[ContainerDevices]:
    """Return the devices that become claims, of each container of a PodSpec."""
    found = []
    for field in CONTAINERS:
        for container in read_items(spec, field):
            is_sidecar = field == "initContainers" and read_text(container, "restartPolicy") == "Always"
            found.append(
                ContainerDevices(
                    name=read_text(container, "name"),
                    line=container.line,
                    is_init=field == "initContainers" and not is_sidecar,
                    is_sidecar=is_sidecar,
                    counts={
                        resource: count
                        for resource, count, _ in _read_limits(container)
                        if not explain_resource(resource)
                    },
                )
            )
    return found


def explain_resources(spec: Value) -> Iterator[Remark]:
    """Yield a remark for each resource of NVIDIA that stays in a container."""
    for container in (each for field in CONTAINERS for each in read_items(spec, field)):
        for resource, count, line in _read_limits(container):
            if problem := explain_resource(resource):
                reason, step = problem
                yield Remark(
                    line=line,
                    subject=f"{escape(resource)}: {count}",
                    reason=f"stays in the container: {reason}",
                    step=step,
                    is_lost=True,
                )


def explain_reuse(containers: Sequence[ContainerDevices], plan: ClaimPlan) -> Iterator[Remark]:
    """Yield a remark for each init container that sees more devices than it requests."""
    requests = {each.name: each for each in plan.requests}
    for container, used in zip(containers, plan.uses, strict=True):
        for resource, count in container.counts.items() if container.is_init else ():
            seen = sum(requests[each].count for each in used if requests[each].resource == resource)
            if seen > count:
                yield Remark(
                    line=container.line,
                    subject=f"init container {container.name}",
                    reason=f"requests {count} {resource} and sees {seen}, those of a container after it",
                )


def _read_limits(container: Value) -> Iterator[tuple[str, int, int]]:
    """Yield each resource of NVIDIA with its amount, unless that is 0, and its line.

    The API server accepts no request of an extended resource without the same limit.
    """
    limits = find(container, "resources", "limits")
    for name, amount in limits.mapping().items() if limits else ():
        if name.startswith(VENDOR) and (count := parse_thousandths(str(amount.content or 0)) // 1000):
            yield name, count, amount.line
