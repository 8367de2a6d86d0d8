"""The devices of a cluster and the claims that hold them, while the pods of a run are placed."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.model import ResourceClaim
from gfd.errors import DocumentError, Undecided
from gfd.tools.match.cel import CompileError, EvaluationError, compile_expression
from gfd.tools.match.dra.objects import ClaimObjects, read_stored
from gfd.tools.match.dra.supply import ClusterSupply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gfd.clusterview.dra.model import Allocation, Device, DeviceId
    from gfd.clusterview.dra.snapshot import DraSnapshot
    from gfd.clusterview.nodes import Node
    from gfd.tools.match.dra.model import ClaimSpec, DeviceSelector
    from gfd.tools.match.dra.supply import DeviceSupply


class DeviceState:
    """What each node offers to claims. Holding and releasing devices returns another state."""

    def __init__(self, snapshot: DraSnapshot, objects: ClaimObjects | None = None, *, gate: str = "") -> None:
        """Join what a cluster has with the ``objects`` of the user's files, which come first."""
        self.gate = gate
        """Why it is uncertain that the scheduler makes claims for resources; empty if it is certain."""
        self.absence = snapshot.absence
        """Why nothing can be allocated at all; empty if it can."""
        self.unknown = dict(snapshot.unknown)
        """By kind: why it is unknown which objects of it there are, and what to do."""
        self.advice = (snapshot.advice,) if snapshot.advice else ()
        """What to do if a node has no slices."""
        self.objects = objects or ClaimObjects()
        for each in snapshot.objects:
            try:
                self.objects = self.objects.join(read_stored(each.kind, each.item))
            except DocumentError as error:
                # Kubernetes has accepted it, so it has fields of a later version.
                self.unknown[each.kind] = f"{error}; update gfd"
        self._slices = snapshot.slices
        self._claims = tuple(snapshot.claims or ())
        self._are_claims_known = snapshot.claims is not None
        self._answers: dict[tuple[str, DeviceId], bool | EvaluationError] = {}
        self._matchers: dict[str, Callable[[Device], bool]] = {}
        self._read_supply()

    def _read_supply(self) -> None:
        self._cluster = ClusterSupply(self._slices, self._claims)
        self._supplies: dict[str, DeviceSupply] = {}

    def find_supply(self, node: Node) -> DeviceSupply:
        """Return what a node offers; the same object until it changes."""
        if node.name not in self._supplies:
            found = self._cluster.find(node.name, node.labels)
            self._supplies[node.name] = replace(found, are_claims_known=self._are_claims_known)
        return self._supplies[node.name]

    def find_claim(self, key: str) -> ResourceClaim | None:
        """Return the ResourceClaim ``namespace/name`` if it holds devices."""
        found = (each for each in self._claims if f"{each.namespace}/{each.name}" == key)
        return next((each for each in found if each.allocations), None)

    def hold(
        self, node: Node, claims: Sequence[ClaimSpec], allocations: Sequence[Sequence[Allocation]]
    ) -> DeviceState:
        """Return the state after the claims of a pod on a node have got these devices."""
        supply = self.find_supply(node)
        places = {device.id: device for device in supply.devices}
        new = [
            (claim, tuple(found))
            for claim, found in zip(claims, allocations, strict=True)
            if claim.allocations is None
        ]
        held = tuple(
            _make_claim(claim, found, _find_selector([places[each.device] for each in found], node))
            for claim, found in new
        )
        state = copy(self)
        state._claims = (*self._claims, *held)
        devices = [each for _, found in new for each in found]
        if all(places[each.device].node_name for each in devices):
            state._supplies = {**self._supplies, node.name: supply.hold(devices)}
        else:
            state._read_supply()
        return state

    def release(self, namespace: str, pod: str, shared: Iterable[str]) -> DeviceState:
        """Return the state without the claims that only this pod uses; ``shared`` are those that stay."""
        kept = set(shared)
        claims = tuple(
            each
            for each in self._claims
            if each.namespace != namespace or each.pods != (pod,) or f"{each.namespace}/{each.name}" in kept
        )
        if len(claims) == len(self._claims):
            return self
        state = copy(self)
        state._claims = claims
        state._read_supply()
        return state

    def matches(self, selector: DeviceSelector, device: Device) -> bool:
        """Return whether a device meets a selector.

        Raises EvaluationError as the scheduler would, and Undecided if gfd cannot evaluate it.
        """
        key = (selector.expression, device.id)
        if key not in self._answers:
            if selector.expression not in self._matchers:
                self._matchers[selector.expression] = _compile(selector)
            try:
                self._answers[key] = self._matchers[selector.expression](device)
            except EvaluationError as error:
                self._answers[key] = error
        answer = self._answers[key]
        if isinstance(answer, EvaluationError):
            raise answer
        return answer


def _compile(selector: DeviceSelector) -> Callable[[Device], bool]:
    """Return what tells whether a device meets a selector. Raises Undecided."""
    try:
        return compile_expression(selector.expression).matches
    except CompileError as error:
        # The API server has accepted it, perhaps another version than the one that gfd knows.
        raise Undecided(f"gfd cannot read the CEL of {selector.place}: {error}; update gfd") from error


def _make_claim(
    claim: ClaimSpec, allocations: tuple[Allocation, ...], selector: Mapping[str, Any] | None
) -> ResourceClaim:
    namespace, _, name = claim.shared_as.partition("/")
    return ResourceClaim(namespace=namespace, name=name, allocations=allocations, node_selector=selector)


def _find_selector(devices: Sequence[Device], node: Node) -> Mapping[str, Any] | None:
    """Return the NodeSelector of a claim that gets these devices on a node; None means all nodes."""
    if any(device.node_name for device in devices):
        field = {"key": "metadata.name", "operator": "In", "values": [node.name]}
        return {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return next((device.node_selector for device in devices if device.node_selector), None)
