"""The service while the API server, or the network, fails."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gfd.kube import list_watch
from gfd.kube.backoff import Backoff
from gfd.kube.object_watcher import ObjectWatcher
from tests.agent.running import MIG, serve
from tests.cluster import agents
from tests.cluster.controlplane import ControlPlane, wait_for
from tests.cluster.objects import NODES, delete
from tests.cluster.proxy import Proxy, proxied
from tests.cluster.test_service import COUNT, SINKS, Deployed, has, installed  # noqa: F401 - a fixture

pytestmark = pytest.mark.cluster

WRITES = ("PATCH", "PUT", "POST")


@pytest.fixture(params=SINKS)
def deployed(
    installed: ControlPlane,  # noqa: F811
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[Deployed]:
    name = f"t{abs(hash(request.node.name))}"
    made = Deployed(installed, request.param, tmp_path, name)
    yield made
    delete(installed.admin, made.path)
    delete(installed.admin, f"{NODES}/{name}")


@pytest.fixture
def proxy(deployed: Deployed) -> Iterator[Proxy]:
    with proxied(deployed.plane) as started:
        yield started


def arguments(deployed: Deployed, proxy: Proxy) -> tuple[str, ...]:
    return deployed.arguments(proxy.kubeconfig(deployed.folder, deployed.agent.token_file))


def is_watch(path: str) -> bool:
    return "watch=1" in path


@pytest.mark.parametrize("code", [429, 500, 503])
def test_repeated_errors(deployed: Deployed, proxy: Proxy, code: int) -> None:
    proxy.fault = lambda method, path: code
    proxy.retry_after = "4" if code == 429 else ""
    with serve(deployed.folder, *arguments(deployed, proxy)) as service:
        wait_for(lambda: len(service.log("publish.failed")) >= 2, "failures")
        assert service.log("publish.failed")[0]["reason"].endswith(f"injected {code}")
        assert [each["level"] for each in service.log("publish.failed")].count("warning") == 1
        asked_s = proxy.times("GET", *WRITES)
        proxy.fault = lambda method, path: None
        has(deployed, "1")
        wait_for(lambda: service.log("publish.recovered"), "the word that it heals")
        if code == 429:
            # Retry-After is honoured by the retries; cycles ask nothing meanwhile.
            waits_s = [later - earlier for earlier, later in itertools.pairwise(asked_s)]
            assert min(waits_s) >= 3.9


def test_watch_that_is_closed_expires_and_breaks(deployed: Deployed, proxy: Proxy) -> None:
    answers: list[str | None] = ["close", "gone", "close"]

    def fault(method: str, path: str) -> str | None:
        return answers.pop(0) if answers and is_watch(path) else None

    proxy.fault = fault
    with serve(deployed.folder, *arguments(deployed, proxy)) as service:
        has(deployed, "1")
        wait_for(lambda: not answers, "three watches")
        watches = [each for each in proxy.seen if is_watch(each[2])]
        wait_for(lambda: len([each for each in proxy.seen if is_watch(each[2])]) > 3, "a good one")
        assert len(watches) < 6
        # What was missed meanwhile is found, too.
        body = {COUNT: None}
        merged = {"metadata": {"labels": body}} if deployed.sink == "node" else {"spec": {"labels": body}}
        kind = "application/merge-patch+json"
        deployed.plane.admin.request("PATCH", deployed.path, merged, content_type=kind)
        has(deployed, "1")
        assert not service.log("publish.failed")


def test_watch_returns_soon_after_an_outage(
    deployed: Deployed, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It skips the long delay; a server that answers 410 all the time is asked less often."""
    monkeypatch.setattr(list_watch, "Backoff", lambda first_s, longest_s: Backoff(first_s / 5, longest_s))
    monkeypatch.setattr(list_watch, "MAX_GONE_DELAY_S", 0.1)
    answers: list[int | str] = [503, 503, 503, 503, "gone", "gone"]

    def fault(method: str, path: str) -> int | str | None:
        return answers.pop(0) if answers and is_watch(path) else None

    proxy.fault = fault
    kubeconfig = proxy.kubeconfig(deployed.folder, deployed.agent.token_file)
    collection, _, name = deployed.path.rpartition("/")
    told: list[object] = []
    following = ObjectWatcher(agents.connect(kubeconfig), collection, name, told.append)
    following.start("1")
    wait_for(lambda: not answers, "all answers")
    wait_for(lambda: len(proxy.seen) == 9, "two lists and seven watches")
    following.close()
    is_list = [not is_watch(path) for _, _, path in proxy.seen]
    assert is_list == [False] * 5 + [True, False, True, False]
    gone_s, listed_s, again_s, at_last_s = (proxy.seen[index][0] for index in (4, 5, 6, 7))
    assert listed_s - gone_s < 1
    assert at_last_s - again_s > 3
    assert len(told) == 2


def test_request_without_a_response(deployed: Deployed, proxy: Proxy) -> None:
    """The service continues; it repeats the write after the time limit."""
    silent = [True]
    proxy.fault = lambda method, path: "silent" if method in WRITES and silent and silent.pop() else None
    with serve(deployed.folder, *arguments(deployed, proxy)) as service:
        failed = wait_for(lambda: service.log("publish.failed"), "the time limit", 40)
        assert "does not answer" in failed[0]["reason"]
        has(deployed, "1")


def test_slow_store(deployed: Deployed) -> None:
    """The store stops for some seconds during a change."""
    with serve(deployed.folder, *deployed.arguments()) as service:
        has(deployed, "1")
        etcd = deployed.plane.processes["etcd"]
        etcd.send_signal(signal.SIGSTOP)
        try:
            service.play(MIG)
            time.sleep(4)
        finally:
            etcd.send_signal(signal.SIGCONT)
        wait_for(lambda: deployed.labels.get(COUNT) == "7", "the change", 60)


def test_different_clocks(deployed: Deployed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The API server judges tokens by its own clock, and gfd waits by no wall clock."""
    import subprocess

    shim = tmp_path / "clock.so"
    source = Path(__file__).parents[1] / "standin" / "clock.c"
    subprocess.run(("gcc", "-shared", "-fPIC", "-o", shim, source), check=True)
    clock = tmp_path / "clock"
    clock.write_text("-7200")
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("GFD_CLOCK", str(clock))
    with serve(deployed.folder, *deployed.arguments()) as service:
        monkeypatch.delenv("LD_PRELOAD")
        failed = wait_for(lambda: service.log("publish.failed"), "the failure")
        assert "certificate is not yet valid" in failed[0]["reason"]
        clock.write_text("7200")
        has(deployed, "1")
        service.play(MIG)
        has(deployed, "7")
        assert service.process.poll() is None


def test_expired_token(deployed: Deployed) -> None:
    """Its pod is deleted and made again, as after a drain: the old token is refused, the new one read."""
    with serve(deployed.folder, *deployed.arguments()) as service:
        has(deployed, "1")
        delete(deployed.plane.admin, f"{agents.PODS}/{deployed.agent.pod}")
        # The API server remembers for ten seconds that it accepted a token.
        time.sleep(11)
        service.play(MIG)
        failed = wait_for(lambda: service.log("publish.failed"), "the refusal", 40)
        assert "Unauthorized" in failed[0]["reason"]
        agents.start(deployed.plane, deployed.node)
        wait_for(lambda: deployed.labels.get(COUNT) == "7", "the change", 70)
        assert os.path.exists(f"/proc/{service.process.pid}")
