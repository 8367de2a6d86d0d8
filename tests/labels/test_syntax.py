from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.errors import LabelError
from gfd.labels.syntax import OWN_PREFIXES, check, check_ownership, explain_prefix, sanitise, truncate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NVIDIA A100-SXM4-40GB", "NVIDIA-A100-SXM4-40GB"),
        ("  two   blanks  ", "two-blanks"),
        ("a\tb", "ab"),
        ("GeForce® RTX™ 4090", "GeForce-RTX-4090"),
        ("a/b+c", "abc"),
        ("®™", ""),
        ("_x_.", "_x_."),
    ],
)
def test_sanitise(text: str, expected: str) -> None:
    assert sanitise(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("-a-", "a"), ("_.-", ""), ("a" * 70, "a" * 63), ("a" * 62 + "-b", "a" * 62), ("", "")],
)
def test_truncate(text: str, expected: str) -> None:
    assert truncate(text) == expected


@given(st.text())
def test_legal_values_are_always_accepted(text: str) -> None:
    check("nvidia.com/gpu.product", truncate(sanitise(text)))


@pytest.mark.parametrize("key", ["gpu", "nvidia.com/gpu.count", "a.b-c.d/x_y.z", "nvidia.com/" + "a" * 63])
def test_check_accepts(key: str) -> None:
    check(key, "")
    check(key, "a" * 63)


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("", "", "the key's name is empty"),
        ("nvidia.com/", "", "the key's name is empty"),
        ("nvidia.com/-a", "", "the key's name may hold only letters"),
        ("nvidia.com/" + "a" * 64, "", "the key's name has more than 63 characters"),
        ("Nvidia.com/a", "", "the key's prefix is not a DNS name"),
        ("/a", "", "the key's prefix is empty"),
        ("a/b/c", "", "the key's prefix is not a DNS name"),
        ("a" * 254 + "/b", "", "the key's prefix has more than 253 characters"),
        ("a", "b c", "the value may hold only letters"),
        ("a", "-b", "the value may hold only letters"),
        ("a", "b" * 64, "the value has more than 63 characters"),
        ("a", "ä", "the value may hold only letters"),
        ("a", "b\n", "the value may hold only letters"),
    ],
)
def test_check_refuses(key: str, value: str, rule: str) -> None:
    with pytest.raises(LabelError, match=rule) as caught:
        check(key, value, "mine.j2:3")
    assert str(caught.value).startswith(f"label {key}={value}: ")
    assert str(caught.value).endswith("(written by mine.j2:3)")


OPERATOR_KEYS = tuple(
    f"nvidia.com/{name}"
    for name in (
        *("gpu.present", "gpu.deploy.driver", "gpu.deploy.x.y", "gpu.workload.config"),
        *("gpu-driver-upgrade-state", "gpu-driver-upgrade-drain.skip", "gpu-operator.x"),
        *("mig.config", "mig.config.state", "vgpu.config", "vgpu.config.state", "cc.mode.state", "cc.ready"),
        *("gdrcopy.capable", "gds.capable", "peermem.capable"),
    )
)
KUBERNETES_KEYS = (
    *("kubernetes.io/hostname", "node-role.kubernetes.io/control-plane", "topology.kubernetes.io/zone"),
    *("k8s.io/x", "cluster.x-k8s.io.k8s.io/x", "node.k8s.io/x", "node-restriction.kubernetes.io/x"),
    *("tenant.node-restriction.kubernetes.io/x", "nfd.node.kubernetes.io/x", "node.kubernetes.io/x"),
    "feature.node.kubernetes.io.k8s.io/x",
)
FREE_KEYS = (
    *("nvidia.com/gpu.presentable", "nvidia.com/gpu.deployed", "nvidia.com/mig.capable", "nvidia.com/ccx"),
    *("feature.node.kubernetes.io/x", "vendor.feature.node.kubernetes.io/x", "example.com/x"),
    *("mykubernetes.io/x", "x-k8s.io/x", "kubernetes.io.example.com/x", "sub.example.com/nvidia.com"),
)


@pytest.mark.parametrize("key", [*OPERATOR_KEYS, *KUBERNETES_KEYS])
def test_keys_of_others_are_refused_whatever_is_allowed(key: str) -> None:
    owner = "NVIDIA's GPU operator" if key in OPERATOR_KEYS else "Kubernetes"
    with pytest.raises(LabelError, match=re.escape(f"this key belongs to {owner}; ")):
        check_ownership(key, "x", (*OWN_PREFIXES, f"{key.partition('/')[0]}/"))


@pytest.mark.parametrize("key", FREE_KEYS)
def test_keys_that_may_be_allowed(key: str) -> None:
    check_ownership(key, "x", (f"{key.partition('/')[0]}/",))


def test_prefixes() -> None:
    check_ownership("feature.node.kubernetes.io/x", "x", OWN_PREFIXES)
    with pytest.raises(LabelError, match="--label-prefix-allow"):
        check_ownership("example.com/x", "x", OWN_PREFIXES)


@pytest.mark.parametrize(
    "prefix",
    ["example.com", "example.com/", "example.com/gpu-", "nvidia.com/", "feature.node.kubernetes.io", "io"],
)
def test_prefixes_that_may_be_allowed(prefix: str) -> None:
    assert explain_prefix(prefix) == ""


ADVICE = "use a prefix of your own, like example.com"


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("kubernetes.io", f"kubernetes.io belongs to Kubernetes; {ADVICE}"),
        ("kubernetes.io/", f"kubernetes.io belongs to Kubernetes; {ADVICE}"),
        ("x.k8s.io/a", f"x.k8s.io belongs to Kubernetes; {ADVICE}"),
        (
            "nvidia.com/gpu.deploy.",
            f"nvidia.com/gpu.deploy. belongs to NVIDIA's GPU operator; {ADVICE}",
        ),
        (
            "nvidia.com/gpu.present",
            f"nvidia.com/gpu.present belongs to NVIDIA's GPU operator; {ADVICE}",
        ),
        *(
            (prefix, f"{prefix!r} is not the prefix of a label key; write one like example.com")
            for prefix in (
                "",
                "/",
                "Example.com",
                "-a.com",
                "a..b",
                "a b/",
                "a.com/b/c",
                "a.com/-",
                "a" * 254,
            )
        ),
    ],
)
def test_prefixes_that_are_refused(prefix: str, reason: str) -> None:
    assert explain_prefix(prefix) == reason
