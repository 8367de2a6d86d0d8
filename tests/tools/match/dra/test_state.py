"""The devices of a cluster while pods hold and release them."""

from __future__ import annotations

from gfd.clusterview.dra.slices import read_slice
from gfd.clusterview.dra.snapshot import DraSnapshot
from gfd.clusterview.nodes import Node
from gfd.tools.match.dra.allocation import allocate
from gfd.tools.match.dra.model import ClaimSpec, DeviceClass, DeviceRequest
from gfd.tools.match.dra.state import DeviceState
from tests.clusterview.dra.objects import make_gpu, make_slice

CLASSES = {"any": DeviceClass(name="any")}
A, B = (Node(name=name) for name in "ab")


def make_claim(count: int = 1, shared_as: str = "") -> ClaimSpec:
    request = DeviceRequest(name="gpu", class_name="any", count=count)
    return ClaimSpec(name="gpu", requests=(request,), shared_as=shared_as)


def hold(state: DeviceState, node: Node, claim: ClaimSpec) -> DeviceState:
    found = allocate([claim], CLASSES, state.find_supply(node), state.matches)
    assert found.refusal is None
    return state.hold(node, [claim], found.allocations)


def test_devices_of_a_node_and_of_the_network() -> None:
    own = make_slice("a", make_gpu(0), make_gpu(1))
    spread = make_slice("", make_gpu(0), pool={"name": "net", "generation": 1, "resourceSliceCount": 1})
    spread["spec"] |= {"nodeName": None, "allNodes": True}
    state = DeviceState(DraSnapshot(slices=(read_slice(own), read_slice(spread))))
    other = state.find_supply(B)
    first = hold(state, A, make_claim(2))
    assert {(each.pool, each.device) for each in first.find_supply(A).taken} == {
        ("a", "gpu-0"),
        ("a", "gpu-1"),
    }
    assert first.find_supply(B) is other
    last = hold(first, A, make_claim(1, "team/net"))
    assert [(each.pool, each.device) for each in last.find_supply(B).taken if each.pool == "net"] == [
        ("net", "gpu-0")
    ]
    assert allocate([make_claim()], CLASSES, last.find_supply(B), last.matches).refusal is not None
    found = last.find_claim("team/net")
    assert found is not None
    assert found.node_selector is None
    assert state.find_claim("team/net") is None


def test_claims_that_may_not_be_read_stay_unknown() -> None:
    spread = make_slice("", make_gpu(0), make_gpu(1))
    spread["spec"] |= {"nodeName": None, "allNodes": True}
    spread["spec"]["pool"]["name"] = "net"
    state = DeviceState(DraSnapshot(slices=(read_slice(spread),), claims=None))
    assert not state.find_supply(A).are_claims_known
    assert not hold(state, A, make_claim()).find_supply(A).are_claims_known
