"""ResourceClaimTemplates and DeviceClasses that the API server refuses, and some that it accepts.

What gfd says about the first is in ``tests/tools/golden/match-refused-claims.txt``. tests/cluster asks a real
API server about all of them.
"""

from __future__ import annotations

from typing import Any

from tests.tools.match.podspec.refusals import Object

NAME = "gpu.nvidia.com"
OPAQUE = {"driver": NAME, "parameters": {"a": 1}}


def template(**devices: Any) -> Object:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": "t"},
        "spec": {"spec": {"devices": devices}},
    }


def device_class(**spec: Any) -> Object:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": "c"},
        "spec": spec,
    }


def request(name: Any = "a", **exactly: Any) -> Object:
    return {"name": name, "exactly": {"deviceClassName": NAME, **exactly}}


def exactly(**fields: Any) -> Object:
    return template(requests=[request(**fields)])


def choice(*names: Any, **fields: Any) -> Object:
    return {
        "name": "a",
        "firstAvailable": [{"name": name, "deviceClassName": NAME, **fields} for name in names],
    }


def selected(*expressions: str) -> list[Object]:
    return [{"cel": {"expression": each}} for each in expressions]


def tolerated(**toleration: Any) -> Object:
    return exactly(tolerations=[toleration])


def constrained(**constraint: Any) -> Object:
    return template(requests=[request(), choice("x", "y") | {"name": "b"}], constraints=[constraint])


def configured(**config: Any) -> Object:
    return template(requests=[request()], config=[config])


ATTRIBUTE = f"{NAME}/uuid"
LONG = " " * 10 * 1024
REFUSED: list[Object] = [
    template(requests=[{"exactly": {"deviceClassName": NAME}}]),
    template(requests=[request("A")]),
    template(requests=[request("a.b")]),
    template(requests=[request("x" * 64)]),
    template(requests=[request(5)]),
    template(requests=[request(), request()]),
    template(requests=[{"name": "a"}]),
    template(requests=[{"name": "a", "firstAvailable": []}]),
    template(requests=[{**request(), **choice("x")}]),
    template(requests=[{"name": "a", "deviceClassName": NAME}]),
    template(requests=[choice("x", "x")]),
    template(requests=[choice("X")]),
    template(requests=[choice(*"abcdefghi")]),
    template(requests=[choice("x", adminAccess=True)]),
    template(requests=[request(f"r{number}") for number in range(33)]),
    template(requests={"name": "a"}),
    template(request=[]),
    template(requests=[{"name": "a", "exactly": {}}]),
    exactly(deviceClassName=""),
    exactly(deviceClassName="A"),
    exactly(deviceClassName=5),
    exactly(count=-1),
    exactly(count="1"),
    exactly(count=1.5),
    exactly(allocationMode="all"),
    exactly(allocationMode="All", count=1),
    exactly(device="a"),
    exactly(adminAccess="true"),
    exactly(selectors=[{}]),
    exactly(selectors=[{"expression": "true"}]),
    exactly(selectors=[{"cel": {"expresion": "true"}}]),
    exactly(selectors=selected(*["true"] * 33)),
    exactly(selectors=selected(f"true{LONG}")),
    exactly(capacity={"requests": {"memory": "40 GB"}}),
    exactly(capacity={"memory": "40Gi"}),
    tolerated(key="a b"),
    tolerated(key="a", operator="Is"),
    tolerated(key="a", operator="Exists", value="b"),
    tolerated(key="a", value="b c"),
    tolerated(key="a", effect="PreferNoSchedule"),
    tolerated(keys="a"),
    constrained(),
    constrained(requests=["a"]),
    constrained(requests=["c"], matchAttribute=ATTRIBUTE),
    constrained(requests=["b/z"], matchAttribute=ATTRIBUTE),
    constrained(requests=["b/x/y"], matchAttribute=ATTRIBUTE),
    constrained(requests=["a", "a"], matchAttribute=ATTRIBUTE),
    constrained(matchAttribute="uuid"),
    constrained(matchAttribute=""),
    constrained(matchAttribute="a b/uuid"),
    constrained(matchAttribute="GPU.nvidia.com/uuid"),
    constrained(matchAttribute=f"{NAME}/uu-id"),
    constrained(matchAttribute=f"{NAME}/{'x' * 33}"),
    constrained(matchAttribute=f"{'x' * 64}/uuid"),
    constrained(matchAttribute="/uuid"),
    constrained(distinctAttribute="uuid"),
    template(requests=[request()], constraints=[{"matchAttribute": ATTRIBUTE}] * 33),
    configured(),
    configured(opaque={"parameters": {}}),
    configured(opaque={**OPAQUE, "driver": "a_b"}),
    configured(opaque={**OPAQUE, "driver": "x" * 64}),
    configured(opaque={"driver": NAME}),
    configured(opaque={"driver": NAME, "parameters": "a"}),
    configured(opaque={"driver": NAME, "parameters": {"a": LONG}}),
    configured(requests=["b"], opaque=OPAQUE),
    device_class(selectors=[{}]),
    device_class(selectors=selected(*["true"] * 33)),
    device_class(selector=[]),
    device_class(extendedResourceName="gpu"),
    device_class(extendedResourceName="kubernetes.io/gpu"),
    device_class(extendedResourceName=""),
    device_class(config=[{"requests": ["a"], "opaque": OPAQUE}]),
    device_class(config=[{"opaque": {"driver": NAME}}]),
    {**template(), "spec": {"devices": {}}},
    {**template(), "spec": {"spec": {"requests": []}}},
    {**template(), "metadata": {}},
    {**template(), "metadata": {"name": "A"}},
    {**template(), "data": {}},
]

ACCEPTED: list[Object] = [
    template(),
    template(requests=[]),
    template(requests=[request(), request("b"), choice("x", "y") | {"name": "c"}]),
    template(requests=[choice("x", count=2, selectors=selected("true"))]),
    exactly(count=0),
    exactly(count=100),
    exactly(allocationMode="All"),
    exactly(allocationMode="All", count=0),
    exactly(allocationMode="", count=None),
    exactly(adminAccess=False),
    exactly(selectors=selected("device.driver == 'a'", "!device.allowMultipleAllocations")),
    exactly(capacity={"requests": {"memory": "40Gi", "a b": 1}}),
    exactly(capacity={}),
    tolerated(),
    tolerated(key="a/b", operator="Exists", effect="None"),
    tolerated(key="a", operator="", value="b", effect="NoExecute", tolerationSeconds=5),
    constrained(requests=["a", "b/x"], matchAttribute=ATTRIBUTE),
    constrained(requests=["b"], distinctAttribute=ATTRIBUTE),
    constrained(matchAttribute=f"{NAME}/Uuid_1"),
    constrained(matchAttribute="a/b/c"),
    constrained(matchAttribute=ATTRIBUTE, distinctAttribute=ATTRIBUTE),
    configured(opaque=OPAQUE),
    configured(requests=["a"], opaque={**OPAQUE, "driver": "GPU.nvidia.com", "parameters": {}}),
    device_class(),
    device_class(selectors=selected("true"), extendedResourceName="nvidia.com/gpu"),
    device_class(config=[{"opaque": OPAQUE}]),
]
