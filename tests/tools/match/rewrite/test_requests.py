"""The requests of a claim have as many devices as the scheduler counts for the pod."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.pods import sum_requests
from gfd.tools.match.rewrite.requests import ClaimPlan, ContainerDevices, PlannedRequest, plan_requests

GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"


def plan(*containers: tuple[str, dict[str, int]]) -> ClaimPlan:
    """Plan for containers, whose names begin with ``init`` or ``sidecar`` if they are such."""
    return plan_requests(
        [
            ContainerDevices(
                name=name,
                is_init=name.startswith("init"),
                is_sidecar=name.startswith("sidecar"),
                counts=counts,
            )
            for name, counts in containers
        ]
    )


def request(name: str, count: int, resource: str = GPU) -> PlannedRequest:
    return PlannedRequest(name=name, resource=resource, count=count)


def test_one_container() -> None:
    found = plan(("shell", {}), ("main", {GPU: 2}))
    assert found == ClaimPlan(requests=(request("gpu", 2),), uses=((), ("gpu",)))


def test_each_container_has_a_request() -> None:
    found = plan(("one", {GPU: 2, MIG: 1}), ("two", {GPU: 1}))
    assert found.requests == (
        request("one-gpu", 2),
        request("one-mig-1g-5gb", 1, MIG),
        request("two", 1),
    )
    assert found.uses == (("one-gpu", "one-mig-1g-5gb"), ("two",))


def test_an_init_container_uses_the_devices_of_others() -> None:
    found = plan(("init", {GPU: 1}), ("one", {GPU: 2}), ("two", {GPU: 1}))
    assert found.requests == (request("one", 2), request("two", 1))
    assert found.uses == (("two",), ("one",), ("two",))


def test_an_init_container_sees_more_than_it_requests() -> None:
    assert plan(("init", {GPU: 1}), ("main", {GPU: 2})).uses == (("gpu",), ("gpu",))


def test_an_init_container_with_more_devices_than_all_others_has_the_rest() -> None:
    found = plan(("init-1", {GPU: 4}), ("init-2", {GPU: 3}), ("main", {GPU: 1}))
    assert found.requests == (request("main", 1), request("init-1", 3))
    assert found.uses == (("main", "init-1"), ("init-1",), ("main",))


def test_a_sidecar_keeps_its_devices_while_later_init_containers_run() -> None:
    found = plan(("init-1", {GPU: 1}), ("sidecar", {GPU: 1}), ("init-2", {GPU: 1}), ("main", {}))
    assert found.requests == (request("sidecar", 1), request("init-2", 1))
    assert found.uses == (("sidecar",), ("sidecar",), ("init-2",), ())


COUNTS = st.dictionaries(st.sampled_from([GPU, MIG]), st.integers(1, 5))
STARTS = st.lists(st.tuples(st.sampled_from(["init", "sidecar"]), COUNTS), max_size=4)


@given(STARTS, st.lists(COUNTS, min_size=1, max_size=3))
def test_the_claim_has_what_the_scheduler_counts(
    starts: list[tuple[str, dict[str, int]]], mains: list[dict[str, int]]
) -> None:
    containers = [(f"{kind}-{number}", counts) for number, (kind, counts) in enumerate(starts)]
    containers += [(f"main-{number}", counts) for number, counts in enumerate(mains)]
    found = plan(*containers)

    def make(name: str, counts: dict[str, int]) -> dict[str, Any]:
        policy = {"restartPolicy": "Always"} if name.startswith("sidecar") else {}
        return {"resources": {"limits": counts}, **policy}

    spec = {
        "initContainers": [make(*each) for each in containers[: len(starts)]],
        "containers": [make(*each) for each in containers[len(starts) :]],
    }
    by_name = {each.name: each for each in found.requests}
    for resource in (GPU, MIG):
        total = sum(each.count for each in found.requests if each.resource == resource)
        assert total == sum_requests(spec, dict).get(resource, 0)
        for (name, counts), used in zip(containers, found.uses, strict=True):
            seen = sum(by_name[each].count for each in used if by_name[each].resource == resource)
            wanted = counts.get(resource, 0)
            assert seen == wanted or (name.startswith("init") and seen > wanted > 0)
    # Containers that run at the same time share nothing.
    for number, (name, _) in enumerate(containers):
        for other, (kind, _) in enumerate(containers[:number]):
            if not kind.startswith("init"):
                assert not set(found.uses[number]) & set(found.uses[other]), (name, kind)
