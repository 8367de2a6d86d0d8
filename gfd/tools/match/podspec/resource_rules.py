"""The API server's rules for amounts of resources; see :mod:`gfd.tools.match.podspec.rules`."""

from __future__ import annotations

from typing import NamedTuple

from gfd.clusterview.amounts import format_amount
from gfd.clusterview.pods import is_pod_level
from gfd.clusterview.resources import CPU, EPHEMERAL_STORAGE, HUGE_PAGES, MEMORY, round_up
from gfd.kube.quantities import parse_thousandths
from gfd.labels.syntax import VENDOR, explain_key
from gfd.tools.match.podspec.rules import Rule, Rules

STANDARD_RESOURCES = (CPU, MEMORY, EPHEMERAL_STORAGE)


class Amount(NamedTuple):
    """An amount of a resource."""

    name: str
    thousandths: int

    @property
    def text(self) -> str:
        """Return the amount for people."""
        return format_amount(self.name, round_up({self.name: self.thousandths})[self.name])


class Bound(NamedTuple):
    """An amount that may not exceed another one, or must equal it."""

    name: str
    amount: int
    limit: int | None

    @property
    def texts(self) -> tuple[str, str]:
        """Return both amounts for people."""
        return Amount(self.name, self.amount).text, Amount(self.name, self.limit or 0).text


def is_extended(name: str) -> bool:
    """Return whether a device plugin offers this resource, in whole numbers."""
    return "/" in name and "kubernetes.io/" not in name


def _needs_equal_limit(name: str) -> bool:
    return is_extended(name) or name.startswith(HUGE_PAGES)


def _is_divided(amount: Amount) -> bool:
    """Return whether an amount of huge pages is not a number of whole pages."""
    try:
        page = parse_thousandths(amount.name.removeprefix(HUGE_PAGES))
    except ValueError:
        return True
    return page <= 0 or amount.thousandths % page != 0


RESOURCE_NAME: Rules[str] = (
    Rule(
        is_broken=lambda name: (
            "/" not in name and name not in STANDARD_RESOURCES and not name.startswith(HUGE_PAGES)
        ),
        message="{0!r} is not a resource name",
        fix=f"write the full name, such as {VENDOR}gpu",
    ),
    Rule(
        is_broken=lambda name: explain_key(f"requests.{name}" if is_extended(name) else name),
        message="{0!r} is not a resource name: {reason}",
    ),
    Rule(
        is_broken=lambda name: is_extended(name) and name.startswith("requests."),
        message="{0!r} is not a resource name: names that begin with requests. belong to quotas",
    ),
)

AMOUNT: Rules[Amount] = (
    Rule(
        is_broken=lambda it: it.thousandths < 0 and is_extended(it.name),
        message="a number of devices cannot be negative",
    ),
    Rule(is_broken=lambda it: it.thousandths < 0, message="an amount cannot be negative"),
    Rule(
        is_broken=lambda it: is_extended(it.name) and it.thousandths % 1000 != 0,
        message="a number of devices must be whole",
        fix="for a part of a GPU see MIG, time-slicing and MPS",
    ),
    Rule(
        is_broken=lambda it: it.name.startswith(HUGE_PAGES) and _is_divided(it),
        message="{0.name} needs a multiple of its page size",
    ),
)

REQUEST: Rules[Bound] = (
    Rule(
        field="requests",
        is_broken=lambda it: it.limit is None and _needs_equal_limit(it.name),
        message="{0.name} has a request and no limit",
        fix="write limits: {{{0.name}: {0.texts[0]}}}",
    ),
    Rule(
        field="requests",
        is_broken=lambda it: it.limit != it.amount and _needs_equal_limit(it.name),
        message="{0.name} has the request {0.texts[0]} and the limit {0.texts[1]}",
        fix="make them equal",
    ),
    Rule(
        field="requests",
        is_broken=lambda it: it.limit is not None and it.amount > it.limit,
        message="{0.name} has the request {0.texts[0]}, which is more than the limit {0.texts[1]}",
        fix="lower the request or raise the limit",
    ),
)

RESOURCES_TOGETHER: Rules[frozenset[str]] = (
    Rule(
        is_broken=lambda names: (
            any(name.startswith(HUGE_PAGES) for name in names) and not {CPU, MEMORY} & names
        ),
        message="huge pages need cpu or memory beside them",
        fix="add memory to the limits",
    ),
)

POD_RESOURCE: Rules[str] = (
    Rule(
        is_broken=is_extended,
        message="a pod cannot request devices as a whole",
        fix="request them in a container",
    ),
    Rule(
        is_broken=lambda name: not is_pod_level(name),
        message="a pod as a whole can request only cpu, memory and hugepages-*",
        fix="request {0} in a container",
    ),
)

WHOLE_POD: Rules[Bound] = (
    Rule(
        is_broken=lambda it: it.limit is not None and it.amount > it.limit,
        message="{0.name}: the containers have {0.texts[0]}, which is more than the {0.texts[1]} of the pod",
        fix="raise the amount of the pod",
    ),
)
