"""The claim that kube-scheduler makes for ``nvidia.com/gpu``; tests/cluster compares it with the real one."""

from __future__ import annotations

import pytest

from gfd.tools.match.dra.extended_resources import build_claim, find_class, find_delegated
from gfd.tools.match.dra.model import DeviceClass, DeviceRequest
from gfd.tools.match.podspec.scheduling import ContainerRequests

GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.10gb"
IMPLICIT = "deviceclass.resource.kubernetes.io/gpu.nvidia.com"


def named(*classes: DeviceClass) -> dict[str, DeviceClass]:
    return {each.name: each for each in classes}


OLD = DeviceClass(name="old", extended_resource=GPU, created_at="2026-01-01T00:00:00Z")
NEW = DeviceClass(name="gpu.nvidia.com", extended_resource=GPU, created_at="2026-01-02T00:00:00Z")
TWIN = DeviceClass(name="a", extended_resource=GPU, created_at=NEW.created_at)
IN_A_FILE = DeviceClass(name="z", extended_resource=GPU)
PLAIN = DeviceClass(name="plain")


@pytest.mark.parametrize(
    ("resource", "classes", "found"),
    [
        (GPU, (), None),
        (GPU, (PLAIN,), None),
        (GPU, (NEW, OLD, PLAIN), NEW),
        (GPU, (OLD, NEW, TWIN), TWIN),
        (GPU, (OLD, NEW, IN_A_FILE), IN_A_FILE),
        (IMPLICIT, (OLD, NEW), NEW),
        (IMPLICIT, (OLD, PLAIN), None),
        ("deviceclass.resource.kubernetes.io/plain", (PLAIN,), PLAIN),
        ("gpu.nvidia.com", (NEW,), None),
    ],
)
def test_the_class_of_a_resource(
    resource: str, classes: tuple[DeviceClass, ...], found: DeviceClass | None
) -> None:
    assert find_class(resource, named(*classes)) is found


def test_a_device_plugin_comes_first() -> None:
    requests = {GPU: 2, IMPLICIT: 1, MIG: 1, "cpu": 4000}
    classes = named(NEW)
    assert find_delegated(requests, {GPU: 8}, classes) == {IMPLICIT: NEW}
    # The kubelet keeps a resource with the amount 0 after its device plugin has gone.
    assert find_delegated(requests, {GPU: 0}, classes) == {GPU: NEW, IMPLICIT: NEW}
    assert find_delegated({GPU: 0}, {}, classes) == {}


def container(count: float, *, is_init: bool = False, cpu: int = 0) -> ContainerRequests:
    amounts = {GPU: int(count * 1000), **({"cpu": cpu} if cpu else {})} if count else {}
    return ContainerRequests(thousandths=amounts, is_short_lived=is_init)


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ((container(2),), {"container-0-request-0": 2}),
        (
            (container(1, cpu=500), container(0), container(3)),
            {"container-0-request-1": 1, "container-2-request-0": 3},
        ),
        # A short-lived container uses the devices of the containers after it, not those before it.
        ((container(2, is_init=True), container(2)), {"container-1-request-0": 2}),
        (
            (container(2), container(2, is_init=True)),
            {"container-0-request-0": 2, "container-1-request-0": 2},
        ),
        # The short-lived containers share what they need beyond: the first of the largest counts.
        (
            (
                container(3, is_init=True),
                container(4, is_init=True),
                container(4, is_init=True),
                container(1),
            ),
            {"container-1-request-0": 3, "container-3-request-0": 1},
        ),
        ((container(0.5),), {}),
        ((), {}),
    ],
)
def test_the_requests_of_containers(
    containers: tuple[ContainerRequests, ...], expected: dict[str, int]
) -> None:
    claim = build_claim(containers, {GPU: NEW})
    assert claim.requests == tuple(
        DeviceRequest(name=name, class_name=NEW.name, count=count) for name, count in expected.items()
    )


def test_several_resources() -> None:
    both = ContainerRequests(thousandths={MIG: 1000, GPU: 2000}, is_short_lived=False)
    claim = build_claim((both,), {MIG: PLAIN, GPU: NEW})
    assert [(each.name, each.class_name) for each in claim.requests if isinstance(each, DeviceRequest)] == [
        ("container-0-request-0", "gpu.nvidia.com"),
        ("container-0-request-1", "plain"),
    ]
