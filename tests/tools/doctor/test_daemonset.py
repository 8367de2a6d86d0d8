"""``gfd doctor --daemonset`` without a cluster; tests/cluster/test_helm_test.py runs it on one."""

from __future__ import annotations

import pytest

from gfd import cli
from gfd.tools.doctor.checks.daemonset import SHOWN, join, parse_daemonset

pytestmark = pytest.mark.whole


def test_a_daemonset_has_a_namespace_and_a_name() -> None:
    assert parse_daemonset("gpu/gfd-a") == ("gpu", "gfd-a")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--daemonset=gfd",), "'gfd' is not NAMESPACE/NAME, such as gfd/gfd"),
        (("--daemonset=/gfd",), "'/gfd' is not NAMESPACE/NAME, such as gfd/gfd"),
        (("--daemonset=a/b/c",), "'a/b/c' is not NAMESPACE/NAME, such as gfd/gfd"),
        (("--daemonset=a/../../b?x",), "'a/../../b?x' is not NAMESPACE/NAME, such as gfd/gfd"),
        (("--daemonset=Gfd/gfd",), "'Gfd/gfd' is not NAMESPACE/NAME, such as gfd/gfd"),
        (
            ("--daemonset=gfd/gfd", "--bundle=b.tar.gz"),
            "checks all nodes, but --bundle collects the facts of this one; run one after the other",
        ),
    ],
)
def test_wrong_words(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(("doctor", *words), {}) == 2
    assert capsys.readouterr().err == f"gfd: --daemonset (command line): {said}\n"


def test_a_result_names_a_few_nodes() -> None:
    assert join(["a", "b"]) == "a, b"
    assert join(map(str, range(SHOWN + 2))) == "0, 1, 2, 3, 4, and 2 more"
