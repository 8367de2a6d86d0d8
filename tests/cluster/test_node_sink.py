"""Labels on the Node itself, on a real API server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gfd.errors import PublishError
from gfd.kube.field_managers import MANAGER, NFD_ANNOTATION, applied_by
from gfd.publishing.drift import Drift
from gfd.publishing.sinks.node import NodeSink
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, apply_node, delete, make_node, merge, node, node_labels

pytestmark = pytest.mark.cluster

COUNT, PRODUCT, STAMP = "nvidia.com/gpu.count", "nvidia.com/gpu.product", "nvidia.com/gfd.timestamp"
LABELS = {COUNT: "1", PRODUCT: "A100", STAMP: "1"}


@dataclass
class Place:
    """A Node, and sinks that label it."""

    plane: ControlPlane
    name: str
    told: list[str] = field(default_factory=list)

    def sink(self, **options: Any) -> NodeSink:
        given: dict[str, Any] = {
            "is_forcing": True,
            "as_annotations": None,
            "resync_s": 3600,
            "warn": self.told.append,
        }
        return NodeSink(self.plane.admin, node_name=self.name, **(given | options))

    @property
    def labels(self) -> dict[str, str]:
        return node_labels(self.plane.admin, self.name)

    @property
    def path(self) -> str:
        return f"{NODES}/{self.name}"

    def writes(self) -> int:
        entries = self.plane.requests()
        return sum(each["verb"] == "patch" and each["objectRef"]["name"] == self.name for each in entries)


@pytest.fixture
def place(each_plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Place]:
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "").lower()
    make_node(each_plane.admin, name, labels={"zone": "a"})
    yield Place(each_plane, name)
    delete(each_plane.admin, f"{NODES}/{name}")


def test_publish_change_and_withdraw(place: Place) -> None:
    sink = place.sink()
    assert not sink.has_labels()
    assert sink.publish(LABELS)
    assert place.labels == {"zone": "a", **LABELS}
    assert sink.has_labels()
    assert not sink.publish(LABELS)
    assert not sink.publish(LABELS | {STAMP: "2"})
    assert place.writes() == 1
    assert sink.publish({COUNT: "2", STAMP: "3"})
    assert place.labels == {"zone": "a", COUNT: "2", STAMP: "3"}
    # Whoever comes after finds its predecessor's labels in place.
    assert not place.sink().publish({COUNT: "2", STAMP: "4"})
    assert place.writes() == 2
    assert sink.withdraw()
    assert place.labels == {"zone": "a"}
    assert not sink.withdraw()
    assert place.told == []


def test_keys_of_others_stay(place: Place) -> None:
    merge(place.plane.admin, place.path, "kubectl-label", labels={"nvidia.com/rack": "7"})
    sink = place.sink()
    sink.publish(LABELS)
    sink.publish({COUNT: "1"})
    assert place.labels == {"zone": "a", "nvidia.com/rack": "7", COUNT: "1"}
    sink.withdraw()
    assert place.labels == {"zone": "a", "nvidia.com/rack": "7"}


def test_force_takes_over_a_key_and_warns(place: Place) -> None:
    merge(place.plane.admin, place.path, "kubectl-label", labels={COUNT: "9", PRODUCT: "X"})
    sink = place.sink()
    assert sink.publish(LABELS)
    assert place.labels == {"zone": "a", **LABELS}
    assert place.told == [
        f"nodes/{place.name}: taking over keys from field manager kubectl-label: {COUNT}, {PRODUCT}"
    ]
    assert not sink.publish(LABELS)


def test_without_force_a_key_is_left_to_its_manager(place: Place) -> None:
    merge(place.plane.admin, place.path, "kubectl-label", labels={COUNT: "9"})
    sink = place.sink(is_forcing=False)
    for _ in range(2):
        with pytest.raises(PublishError) as caught:
            sink.publish(LABELS)
        assert str(caught.value) == (
            f"sink node: nodes/{place.name}: other field managers hold these keys, and "
            f"--force-conflicts=false leaves them: {COUNT} by kubectl-label"
        )
    assert place.labels == {"zone": "a", **LABELS, COUNT: "9"}
    assert place.writes() == 3  # refused, applied without it; kubectl's
    merge(place.plane.admin, place.path, "kubectl-label", labels={COUNT: None})
    assert place.sink(is_forcing=False).publish(LABELS)
    assert place.labels == {"zone": "a", **LABELS}


@pytest.mark.parametrize("is_forcing", [True, False])
def test_keys_of_nfd_are_never_taken(place: Place, is_forcing: bool) -> None:
    admin = place.plane.admin
    listed = {NFD_ANNOTATION: f"cpu-model,{COUNT}"}
    merge(admin, place.path, "nfd-master", labels={COUNT: "9"}, annotations=listed)
    sink = place.sink(is_forcing=is_forcing)
    for _ in range(2):
        with pytest.raises(PublishError) as caught:
            sink.publish(LABELS)
        assert caught.value.kind == "held_by_nfd"
        assert str(caught.value).endswith(f": NFD publishes {COUNT}; use one --sink only")
    assert place.labels == {"zone": "a", **LABELS, COUNT: "9"}
    assert place.told == []
    merge(admin, place.path, "nfd-master", labels={COUNT: None}, annotations={NFD_ANNOTATION: None})
    assert place.sink(is_forcing=is_forcing).publish(LABELS)
    assert place.labels == {"zone": "a", **LABELS}


def test_key_that_nfd_publishes_too_stays_on_the_node(place: Place) -> None:
    """NFD writes what differs: a label that gfd had applied before is in its list, not among its fields."""
    admin = place.plane.admin
    place.sink().publish(LABELS)
    merge(admin, place.path, "nfd-master", annotations={NFD_ANNOTATION: f"{COUNT},{PRODUCT}"})
    with pytest.raises(PublishError):
        place.sink().publish({COUNT: "1", PRODUCT: "B200"})
    assert place.labels == {"zone": "a", COUNT: "1", PRODUCT: "A100"}
    # Nor does gfd cleanup take them off, as NFD would not put them back.
    assert not place.sink().withdraw()
    assert place.labels == {"zone": "a", COUNT: "1", PRODUCT: "A100"}
    merge(admin, place.path, "nfd-master", labels={COUNT: None}, annotations={NFD_ANNOTATION: None})
    assert place.sink().withdraw()
    assert place.labels == {"zone": "a"}


def test_annotations(place: Place) -> None:
    sink = place.sink(as_annotations=r"nvidia\.com/gfd\..*")
    sink.publish(LABELS)
    found = node(place.plane.admin, place.name)["metadata"]
    assert found["labels"] == {"zone": "a", COUNT: "1", PRODUCT: "A100"}
    assert found["annotations"] == {STAMP: "1"}
    assert applied_by(found, MANAGER, "annotations") == {STAMP}
    assert not sink.publish(LABELS | {STAMP: "2"})
    assert place.sink().publish(LABELS)
    found = node(place.plane.admin, place.name)["metadata"]
    assert found["labels"] == {"zone": "a", **LABELS}
    assert "annotations" not in found


def test_deleted_and_recreated_node(place: Place) -> None:
    sink = place.sink()
    sink.publish(LABELS)
    delete(place.plane.admin, place.path)
    with pytest.raises(PublishError, match=f"there is no Node {place.name}; set NODE_NAME to a name"):
        sink.publish({COUNT: "2"})
    assert not sink.withdraw()
    make_node(place.plane.admin, place.name)
    assert sink.publish({COUNT: "2"})
    delete(place.plane.admin, place.path)
    make_node(place.plane.admin, place.name)
    assert sink.publish({COUNT: "3"})
    assert place.labels == {COUNT: "3"}


def test_drift_is_reported(place: Place) -> None:
    admin = place.plane.admin
    calls: list[Drift] = []
    sink = place.sink()
    sink.watch(calls.append)
    sink.publish(LABELS)
    apply_node(admin, place.name, "someone", labels={"color": "red"})
    time.sleep(0.5)
    assert calls == []
    merge(admin, place.path, "kubectl-label", labels={COUNT: None})
    assert wait_for(lambda: calls, "word of it", 5) == [Drift(sink="node", keys=(COUNT,))]
    asked = len(place.plane.requests())
    assert sink.publish(LABELS)
    # What is heard need not be read again.
    assert [each["verb"] for each in place.plane.requests()[asked:]] == ["patch"]
    assert place.labels == {"zone": "a", "color": "red", **LABELS}
    sink.close()
    merge(admin, place.path, "kubectl-label", labels={COUNT: None})
    time.sleep(0.5)
    assert len(calls) == 1
