"""The number of gfd's requests in the API server's audit log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from gfd.kube import list_watch
from gfd.kube.client import Api
from gfd.kube.nfd import API_VERSION
from gfd.publishing.sinks.node import NodeSink
from gfd.publishing.sinks.nodefeature import NodeFeatureSink
from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane
from tests.cluster.objects import NODES, delete, make_node, namespace

pytestmark = pytest.mark.cluster

LABELS = {"nvidia.com/gpu.count": "1", "nvidia.com/gfd.timestamp": "1"}
SPEED = 3300.0
"""Seconds of the simulated day in one real second. A watch lasts a second, which stands for 55 minutes."""
DAY_S = 86_400.0
PER_HOUR = 3


def make(plane: ControlPlane, sink: str, name: str, clock: Callable[[], float]) -> Any:
    api = Api(plane.kubeconfig, qps=1000, burst=1000)
    if sink == "node":
        return NodeSink(
            api, node_name=name, is_forcing=True, as_annotations=None, resync_s=3600, warn=print, clock=clock
        )
    return NodeFeatureSink(
        NodeFeatureClient(api, node_name=name, namespace="gfd", pod_name=None),
        resync_s=3600,
        warn=print,
        clock=clock,
    )


def asked(plane: ControlPlane, name: str, skipped: int = 0) -> Counter[str]:
    """Return the number of requests for the object of a node by verb."""
    found = [each for each in plane.requests() if each["requestURI"].find(name) >= 0]
    return Counter(each["verb"] for each in found[skipped:])


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_idle_day(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch, sink: str) -> None:
    ensure_node_feature(plane)
    namespace(plane.admin, "gfd")
    name = f"idle-{sink}-x"
    make_node(plane.admin, name)
    for constant in ("MIN_WATCH_S", "MAX_WATCH_S"):
        monkeypatch.setattr(list_watch, constant, 1)
    monkeypatch.setattr(list_watch, "BRIEF_S", 0.1)
    started_s = time.monotonic()
    day = make(plane, sink, name, lambda: (time.monotonic() - started_s) * SPEED)
    day.watch(print)
    day.publish(LABELS)
    time.sleep(0.2)
    before = sum(asked(plane, name).values())
    begun_s = time.monotonic()
    while (time.monotonic() - begun_s) * SPEED < DAY_S:
        assert not day.publish(LABELS)
        time.sleep(60 / SPEED)
    day.close()
    time.sleep(0.2)
    requests = asked(plane, name, before)
    print(f"{sink}: {dict(requests)} in a day")
    assert set(requests) <= {"get", "list", "watch"}
    assert 0 < sum(requests.values()) <= PER_HOUR * 24
    delete(plane.admin, f"{NODES}/{name}")


@pytest.mark.parametrize("sink", ["node", "nodefeature"])
def test_twenty_changes(plane: ControlPlane, sink: str) -> None:
    ensure_node_feature(plane)
    namespace(plane.admin, "gfd")
    name = f"busy-{sink}-x"
    make_node(plane.admin, name)
    busy = make(plane, sink, name, time.monotonic)
    busy.watch(print)
    busy.publish(LABELS)
    time.sleep(0.3)
    before = sum(asked(plane, name).values())
    for count in range(20):
        for _ in range(3):
            busy.publish({"nvidia.com/gpu.count": str(count)})
        time.sleep(0.05)
    time.sleep(0.3)
    busy.close()
    assert asked(plane, name, before) == {"patch" if sink == "node" else "update": 20}
    delete(plane.admin, f"{NODES}/{name}")
    delete(plane.admin, f"/apis/{API_VERSION}/namespaces/gfd/nodefeatures/nvidia-features-for-{name}")
