"""From another sink to --sink node, with an agent's rights: NFD publishes what gfd published before."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gfd.kube.field_managers import NFD_ANNOTATION
from gfd.kube.nfd import API_VERSION
from tests.agent.running import serve
from tests.cluster import agents
from tests.cluster.agents import Agent
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, delete, make_node, merge, node_labels
from tests.cluster.test_rights import COMPONENTS, FEATURES, answer

pytestmark = pytest.mark.cluster

COUNT, PRODUCT = "nvidia.com/gpu.count", "nvidia.com/gpu.product"
PUBLISHED = {COUNT: "1", PRODUCT: "A100-PCIE-40GB"}
UID = "11111111-1111-1111-1111-111111111111"
DAEMON_SET = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "gfd", "uid": UID}
POD = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": UID}
WITHDRAW = str(COMPONENTS / "node" / "withdraw.yaml")
NODE = "abcde"
"""The agent's pod is gfd-abcde, as a DaemonSet named gfd would name it."""
TARGET = f"nodefeatures/nvidia-features-for-{NODE} in namespace gfd"
OWN = "gfd cleanup --all-nodes --sink nodefeature --namespace gfd"


class Place:
    def __init__(self, plane: ControlPlane, agent: Agent) -> None:
        self.plane = plane
        self.agent = agent

    @property
    def arguments(self) -> tuple[str, ...]:
        return (
            *("--sink=node", "--mig-strategy=single", "--no-timestamp", f"--node-name={NODE}"),
            *("--namespace=gfd", f"--pod-name={self.agent.pod}", f"--kubeconfig={self.agent.kubeconfig}"),
        )

    def leave(self, owner: dict[str, Any] | None, **labels: str) -> None:
        """Create a NodeFeature, as gfd did: the tests use its field manager."""
        metadata: dict[str, Any] = {
            "name": f"nvidia-features-for-{NODE}",
            "labels": {"nfd.node.kubernetes.io/node-name": NODE},
        }
        if owner is not None:
            metadata["ownerReferences"] = [owner]
        body = {"apiVersion": API_VERSION, "kind": "NodeFeature", "metadata": metadata}
        self.plane.admin.request(
            "POST", FEATURES, body | {"spec": {"features": {}, "labels": labels or PUBLISHED}}
        )

    def names(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.plane.admin.list(FEATURES)]

    def take_off(self) -> None:
        """Remove the labels, as NFD does after the object is deleted."""
        labels: dict[str, None] = dict.fromkeys(PUBLISHED)
        nothing = {NFD_ANNOTATION: None}
        merge(self.plane.admin, f"{NODES}/{NODE}", "nfd-master", labels=labels, annotations=nothing)

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a printed command with an operator's kubeconfig."""
        words = shlex.split(command)
        assert words[0] == "gfd"
        return subprocess.run(
            (str(Path(sys.executable).with_name("gfd")), *words[1:]),
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(self.plane.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def place(plane: ControlPlane) -> Iterator[Place]:
    ensure_node_feature(plane)
    agents.install(plane, COMPONENTS / "node")
    # Rights for another sink may stand there from other tests.
    plane.kubectl("-n", "gfd", "delete", "rolebinding", "gfd", "--ignore-not-found")
    make_node(plane.admin, NODE, annotations={"a": "b"})
    merge(
        plane.admin,
        f"{NODES}/{NODE}",
        "nfd-master",
        labels=PUBLISHED,
        annotations={NFD_ANNOTATION: ",".join(PUBLISHED)},
    )
    yield Place(plane, agents.start(plane, NODE))
    delete(plane.admin, f"{NODES}/{NODE}")
    plane.kubectl("-n", "gfd", "delete", "nodefeatures", "--all")
    plane.kubectl("delete", "-f", WITHDRAW, "--ignore-not-found")


def test_own_object_is_withdrawn(place: Place, tmp_path: Path) -> None:
    place.plane.kubectl("apply", "-f", WITHDRAW)
    place.leave(DAEMON_SET)
    with serve(tmp_path, *place.arguments) as service:
        wait_for(lambda: place.names() == [], "the object to go")
        (failed, *_) = wait_for(lambda: service.log("publish.failed"), "word of what is waited for")
        assert failed["reason"] == (
            f"sink node: nodes/{NODE}: gfd deleted its NodeFeature and waits until NFD removes "
            f"{COUNT}, {PRODUCT}"
        )
        place.take_off()
        wait_for(lambda: node_labels(place.plane.admin, NODE).get(COUNT) == "1", "the labels", 5)
        wait_for(lambda: service.log("publish.recovered"), "word of it")
        warnings = [each for each in service.log("publish.failed") if each["level"] == "warning"]
        assert len(warnings) == 1


def test_printed_command_works(place: Place, tmp_path: Path) -> None:
    """Without the right to delete, as with policy.enabled=false."""
    place.leave(DAEMON_SET)
    with serve(tmp_path, *place.arguments) as service:
        (failed, *_) = wait_for(lambda: service.log("publish.failed"), "word of it")
        start = (
            f"sink node: nodes/{NODE}: NFD publishes {COUNT}, {PRODUCT}; "
            f"on a machine with kubectl, run {OWN!r}"
        )
        assert failed["reason"] == start
        done = place.type(OWN)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{TARGET}: removed\n", "")
        place.take_off()
        wait_for(lambda: node_labels(place.plane.admin, NODE).get(COUNT) == "1", "the labels", 5)


@pytest.mark.parametrize(
    ("owner", "command"),
    [
        (POD, "gfd cleanup --all-nodes --from-original --namespace gfd"),
        ({**DAEMON_SET, "name": "other-release"}, OWN),
    ],
    ids=["the original's", "another release's"],
)
def test_object_of_others_stays(place: Place, tmp_path: Path, owner: dict[str, Any], command: str) -> None:
    place.plane.kubectl("apply", "-f", WITHDRAW)
    place.leave(owner)
    with serve(tmp_path, *place.arguments) as service:
        (failed, *_) = wait_for(lambda: service.log("publish.failed"), "word of it")
        assert f": NFD publishes {COUNT}" in failed["reason"]
        assert failed["reason"].endswith(f"; on a machine with kubectl, run {command!r}")
    assert place.names() == [f"nvidia-features-for-{NODE}"]
    done = place.type(command)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{TARGET}: removed\n", "")


def test_agent_may_withdraw_only_its_own_object(place: Place) -> None:
    place.plane.kubectl("apply", "-f", WITHDRAW)
    place.leave(DAEMON_SET)
    stranger = agents.start(place.plane, "other")

    said = f"gfd on node other may not delete NodeFeature nvidia-features-for-{NODE}"
    case = ("DELETE", f"{FEATURES}/nvidia-features-for-{NODE}", None, "application/json")
    wait_for(lambda: str(answer(stranger.api, *case, is_dry=True)).endswith(said), "the policy")


def test_diff_shows_blocked_keys(place: Place, tmp_path: Path) -> None:
    place.leave(DAEMON_SET)
    given = f"--node-name {NODE} --simulate t4 --no-timestamp --output-file {tmp_path}/gfd"
    done = place.type(f"gfd diff --sink node {given}")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert f"! {COUNT}=1  [nfd-master]" in lines
    assert f"! {PRODUCT}: A100-PCIE-40GB instead of Tesla-T4  [nfd-master]" in lines
    assert lines[-1] == "23 added, 2 blocked; 0 unchanged, 0 of other programs"
    assert done.stderr == (
        f"gfd: sink node: nodes/{NODE}: NFD publishes {COUNT}, {PRODUCT}; "
        f"on a machine with kubectl, run {OWN!r}; "
        f"nodes/{NODE}: {lines[-1]}\n"
    )


def test_unknown_publisher(place: Place, tmp_path: Path) -> None:
    """Labels of an unknown publisher: the agent may not look for it, an operator may."""
    place.plane.kubectl("apply", "-f", WITHDRAW)
    file = tmp_path / "features.d" / "gfd"
    with serve(tmp_path, *place.arguments) as service:
        (failed, *_) = wait_for(lambda: service.log("publish.failed"), "word of it")
        look = f"kubectl get nodefeatures -A -l nfd.node.kubernetes.io/node-name={NODE} -o yaml"
        advice = "if NFD is uninstalled, run 'nfd-master -prune'"
        assert f"; to find the object with these labels, run {look!r}; {advice}" in failed["reason"]
        place.plane.kubectl(*shlex.split(look)[1:])
        file.write_text(f"{COUNT}=1\n")
        wait_for(lambda: str(file) in service.log("publish.failed")[-1]["reason"], "word of the file")
    done = place.type(f"gfd cleanup --sink file --output-file {file}")
    assert (done.returncode, done.stdout) == (0, f"{file}: removed\n")
