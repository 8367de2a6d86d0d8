"""Sum up the requests of a pod whose resources may be changing while it runs.

As long as the kubelet has not applied a change, the scheduler counts the larger of both amounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field
from gfd.clusterview.pods import default_pod_level, is_pod_level, sum_containers, sum_requests
from gfd.clusterview.resources import add, maximum, read_thousandths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Statuses = Mapping[str, Mapping[str, Any]]

_LISTS = (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses"))


def sum_bound_requests(pod: Mapping[str, Any]) -> dict[str, int]:
    """Return what a pod holds on its node, in thousandths. Raises ValueError if it is malformed."""
    spec, status = pod["spec"], read_field(pod, "status", dict)
    statuses = {
        read_field(each, "name", str): each for _, name in _LISTS for each in read_field(status, name, list)
    }
    allocated, applied = _read_amounts(status, "allocatedResources", "resources.requests")
    is_whole_known = bool(allocated and applied)
    if not is_whole_known and not any(_is_changing(each, statuses) for each in _list_containers(spec)):
        return sum_requests(spec, read_thousandths)
    is_infeasible = _is_infeasible(read_field(status, "conditions", list))
    if is_whole_known:
        total = maximum(allocated, applied)
    else:
        total = maximum(
            sum_containers(_replace(spec, statuses, _find_allocated, is_infeasible), read_thousandths),
            sum_containers(_replace(spec, statuses, _find_applied, is_infeasible), read_thousandths),
        )
    if not is_infeasible:
        total = maximum(total, sum_containers(spec, read_thousandths))
    limits, requests = _read_amounts(spec, "resources.limits", "resources.requests")
    if limits or requests:
        wanted = {} if is_infeasible else default_pod_level(total, limits, requests)
        wanted = maximum(wanted, maximum(allocated, applied))
        total |= {name: count for name, count in wanted.items() if is_pod_level(name)}
    return add(total, read_thousandths(read_field(spec, "overhead", dict)))


def _read_amounts(holder: Mapping[str, Any], *paths: str) -> list[dict[str, int]]:
    return [read_thousandths(read_field(holder, path, dict)) for path in paths]


def _is_infeasible(conditions: Sequence[Any]) -> bool:
    """Return whether the node can never give the pod the new amounts."""
    return any(
        (read_field(each, "type", str), read_field(each, "reason", str)) == ("PodResizePending", "Infeasible")
        for each in conditions
    )


def _list_containers(spec: Mapping[str, Any]) -> list[Any]:
    return [each for name, _ in _LISTS for each in read_field(spec, name, list)]


def _is_changing(container: Any, statuses: Statuses) -> bool:
    """Return whether the kubelet reports other amounts than those of the PodSpec."""
    status = statuses.get(read_field(container, "name", str), {})
    requests = read_field(container, "resources.requests", dict)
    reported = (read_field(status, path, dict) for path in ("allocatedResources", "resources.requests"))
    return any(each and each != requests for each in reported)


def _replace(
    spec: Mapping[str, Any],
    statuses: Statuses,
    find: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    is_infeasible: bool,
) -> dict[str, Any]:
    """Return the PodSpec with the requests that the kubelet reports."""
    replaced = {}
    for name, _ in _LISTS:
        replaced[name] = [
            {
                "restartPolicy": each.get("restartPolicy"),
                "resources": {"requests": found} if found or is_infeasible else each.get("resources"),
            }
            for each in read_field(spec, name, list)
            for found in [find(statuses.get(read_field(each, "name", str), {}))]
        ]
    return replaced


def _find_allocated(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return read_field(status, "allocatedResources", dict)


def _find_applied(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return read_field(status, "resources.requests", dict) or _find_allocated(status)
