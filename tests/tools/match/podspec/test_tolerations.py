from __future__ import annotations

import pytest

from gfd.clusterview.nodes import Taint
from gfd.tools.match.podspec.scheduling import Toleration
from gfd.tools.match.podspec.tolerations import (
    add_default_tolerations,
    find_untolerated,
    list_daemon_tolerations,
)

GPU = Taint(key="nvidia.com/gpu", value="true", effect="NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "is_tolerated"),
    [
        (Toleration(operator="Exists"), True),
        (Toleration(operator="Exists", effect="NoSchedule"), True),
        (Toleration(operator="Exists", effect="NoExecute"), False),
        (Toleration(key="nvidia.com/gpu", operator="Exists"), True),
        (Toleration(key="nvidia.com/gpu", value="true"), True),
        (Toleration(key="nvidia.com/gpu", value="true", effect="NoSchedule"), True),
        (Toleration(key="nvidia.com/gpu"), False),
        (Toleration(key="nvidia.com/gpu", value="false"), False),
        (Toleration(key="team", operator="Exists"), False),
    ],
)
def test_tolerations(toleration: Toleration, is_tolerated: bool) -> None:
    assert toleration.tolerates(GPU) is is_tolerated


def test_taints_with_other_effects_are_skipped() -> None:
    soft, hard = (Taint(key="a", effect=effect) for effect in ("PreferNoSchedule", "NoExecute"))
    taints = (GPU, soft, hard)
    assert find_untolerated(taints, (), "NoSchedule", "NoExecute") == (GPU, hard)
    assert find_untolerated(taints, (), "PreferNoSchedule") == (soft,)
    assert find_untolerated(taints, (Toleration(key="a", operator="Exists"),), "NoSchedule", "NoExecute") == (
        GPU,
    )


def test_pods_tolerate_an_unreachable_node() -> None:
    not_ready, unreachable = (
        Toleration(key=f"node.kubernetes.io/{key}", operator="Exists", effect="NoExecute")
        for key in ("not-ready", "unreachable")
    )
    assert add_default_tolerations(()) == (not_ready, unreachable)
    own = Toleration(key="node.kubernetes.io/not-ready", value="x")
    assert add_default_tolerations((own,)) == (own, unreachable)
    other_effect = Toleration(key="node.kubernetes.io/not-ready", operator="Exists", effect="NoSchedule")
    assert add_default_tolerations((other_effect,)) == (other_effect, not_ready, unreachable)
    everything = Toleration(operator="Exists")
    assert add_default_tolerations((everything,)) == (everything,)


def test_daemon_sets_tolerate_more() -> None:
    keys = ["not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"]
    added = list_daemon_tolerations(has_host_network=False)
    assert [each.key for each in added] == [f"node.kubernetes.io/{key}" for key in keys]
    assert [each.effect for each in added] == ["NoExecute"] * 2 + ["NoSchedule"] * 4
    (network,) = set(list_daemon_tolerations(has_host_network=True)) - set(added)
    assert network.key == "node.kubernetes.io/network-unavailable"


def test_taints_are_written_as_kubectl_writes_them() -> None:
    assert str(GPU) == "nvidia.com/gpu=true:NoSchedule"
    assert str(Taint(key="a", effect="NoExecute")) == "a:NoExecute"
