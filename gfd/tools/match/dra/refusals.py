"""Why kube-scheduler does not allocate the devices of a pod's claims on a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gfd.clusterview.dra.limits import MAX_DEVICES

if TYPE_CHECKING:
    from gfd.clusterview.dra.model import Device
    from gfd.tools.match.cel import EvaluationError
    from gfd.tools.match.dra.capacity import CapacityError
    from gfd.tools.match.dra.model import ClaimSpec, DeviceRequest, DeviceSelector
    from gfd.tools.match.dra.pools import NodePool

RefusalKind = Literal[
    "class", "evaluation", "pool", "limit", "capacity", "constraint", "devices", "combination", "held"
]
"""A missing DeviceClass; a run-time error of a selector; a pool that is not complete; more than 32 devices;
an amount that the scheduler cannot compute; a constraint; too few devices; enough devices for each request,
but not for all together; a claim that holds devices elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The first reason why a pod's claims get no devices on a node."""

    kind: RefusalKind
    text: str
    """What happened, and what to do about it."""
    claim: str = ""
    """The name of the claim in the pod; empty if it is not one claim alone."""
    request: str = ""
    place: str = ""
    """Where the request or the selector stands."""
    is_fatal: bool = False
    """Whether the scheduler gives up on the pod, even if another node would suit."""


class RefusalError(Exception):
    """The claims get no devices."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal

    @classmethod
    def from_evaluation(
        cls,
        claim: ClaimSpec,
        request: DeviceRequest,
        selector: DeviceSelector,
        device: Device,
        error: EvaluationError,
    ) -> RefusalError:
        """Return the error for a selector that fails at run time."""
        where = f"the device {device.id.device} of the pool {device.id.pool}"
        text = f"{selector.expression} fails on {where}: {error}"
        if error.guard:
            text += f"; write {error.guard} && …"
        return cls._make("evaluation", text, claim, request, place=selector.place, is_fatal=True)

    @classmethod
    def from_capacity(
        cls, claim: ClaimSpec, request: DeviceRequest, device: Device, error: CapacityError
    ) -> RefusalError:
        """Return the error for an amount that the scheduler cannot compute."""
        text = (
            f"{error}; the device {device.id.device} of the pool {device.id.pool} gives its capacity in steps"
        )
        return cls._make("capacity", text, claim, request, is_fatal=True)

    @classmethod
    def from_pool(cls, claim: ClaimSpec, request: DeviceRequest, pool: NodePool) -> RefusalError:
        """Return the error for a request of all devices while a pool is not complete."""
        text = (
            "allocationMode All needs all pools complete, also those of other drivers; the pool"
            f" {pool.id.pool} of {pool.id.driver} is not: {pool.problem}"
        )
        return cls._make("pool", text, claim, request, is_fatal=True)

    @classmethod
    def from_class(cls, claim: ClaimSpec, request: DeviceRequest) -> RefusalError:
        """Return the error for a DeviceClass that is nowhere."""
        text = (
            f"there is no DeviceClass {request.class_name}: create it, or name one that"
            " kubectl get deviceclasses shows"
        )
        return cls._make("class", text, claim, request, is_fatal=True)

    @classmethod
    def from_number(cls, claim: ClaimSpec) -> RefusalError:
        """Return the error for a claim that needs more devices than a claim can hold."""
        text = f"the claim needs more than {MAX_DEVICES} devices, the most for a claim; make several claims"
        refusal = Refusal(kind="limit", text=text, claim=claim.name, place=claim.place, is_fatal=True)
        return cls(refusal)

    @classmethod
    def from_constraint(
        cls, claim: ClaimSpec, request: DeviceRequest, device: Device, attribute: str
    ) -> RefusalError:
        """Return the error for a request of all devices that break a constraint."""
        text = (
            f"allocationMode All takes the device {device.id.device} of the pool {device.id.pool}, which"
            f" breaks the constraint on {attribute}; narrow the selectors, or drop the constraint"
        )
        return cls._make("constraint", text, claim, request, is_fatal=True)

    @classmethod
    def _make(
        cls,
        kind: RefusalKind,
        text: str,
        claim: ClaimSpec,
        request: DeviceRequest,
        *,
        place: str = "",
        is_fatal: bool,
    ) -> RefusalError:
        return cls(
            Refusal(
                kind=kind,
                text=text,
                claim=claim.name,
                request=request.name,
                place=place or request.place,
                is_fatal=is_fatal,
            )
        )
