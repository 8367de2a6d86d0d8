from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.errors import LabelError
from gfd.labels import OWN_PREFIXES, check, check_ownership, legal, sanitise


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
def test_legal(text: str, expected: str) -> None:
    assert legal(text) == expected


@given(st.text())
def test_legal_values_are_always_accepted(text: str) -> None:
    check("nvidia.com/gpu.product", legal(sanitise(text)))


@pytest.mark.parametrize("key", ["gpu", "nvidia.com/gpu.count", "a.b-c.d/x_y.z", "nvidia.com/" + "a" * 63])
def test_check_accepts(key: str) -> None:
    check(key, "")
    check(key, "a" * 63)


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("", "", "key's name"),
        ("nvidia.com/", "", "key's name"),
        ("nvidia.com/-a", "", "key's name"),
        ("nvidia.com/" + "a" * 64, "", "key's name"),
        ("Nvidia.com/a", "", "prefix"),
        ("/a", "", "prefix"),
        ("a/b/c", "", "prefix"),
        ("a" * 254 + "/b", "", "prefix"),
        ("a", "b c", "value"),
        ("a", "-b", "value"),
        ("a", "b" * 64, "value"),
        ("a", "ä", "value"),
        ("a", "b\n", "value"),
    ],
)
def test_check_refuses(key: str, value: str, rule: str) -> None:
    with pytest.raises(LabelError, match=rule) as caught:
        check(key, value, "mine.j2:3")
    assert str(caught.value).startswith(f"label {key}={value}: ")
    assert str(caught.value).endswith("(written by mine.j2:3)")


@pytest.mark.parametrize(
    "name",
    [
        "gpu.present",
        "gpu.deploy.driver",
        "gpu-driver-upgrade-state",
        "mig.config",
        "mig.config.state",
        "gpu.workload.config",
        "gdrcopy.capable",
        "gds.capable",
        "peermem.capable",
    ],
)
def test_keys_of_the_operator_are_refused(name: str) -> None:
    with pytest.raises(LabelError, match=re.escape("belongs to NVIDIA's GPU operator")):
        check_ownership(f"nvidia.com/{name}", "x", OWN_PREFIXES)


def test_prefixes() -> None:
    check_ownership("nvidia.com/gpu.presentable", "x", OWN_PREFIXES)
    check_ownership("feature.node.kubernetes.io/x", "x", OWN_PREFIXES)
    check_ownership("example.com/x", "x", (*OWN_PREFIXES, "example.com/"))
    with pytest.raises(LabelError, match="--label-prefix-allow"):
        check_ownership("example.com/x", "x", OWN_PREFIXES)
