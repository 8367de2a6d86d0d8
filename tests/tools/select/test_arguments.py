"""The options of ``gfd select`` that are wrong."""

from __future__ import annotations

import pytest

from tests.tools.select.conftest import Gfd

pytestmark = pytest.mark.whole


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [],
            "gfd select (command line): needs one of --product, --mig, --memory, --compute, --driver or --cu",
        ),
        (["--product="], "gfd select (command line): needs one of --product"),
        (["--product=T4", "--count=0"], "--count (command line): must be at least 1: 0"),
        (["--product=T4", "--count=x"], "--count (command line): 'x' is not a whole number"),
        (["--memory=40"], "--memory (command line): has no unit: '40'; did you mean 40Gi?"),
        (
            ["--compute=8.0.0"],
            "--compute (command line): is not a version: '8.0.0'; write one like 8.0 or >=8.0",
        ),
        (["--driver=>=560,<550"], "--driver (command line): excludes every value: >=560, <550"),
        (["--cuda"], "--cuda (command line): needs a value; write --cuda COMPARISON"),
        (["--mig=1g/5gb"], "--mig (command line): cannot be part of a label: the key's prefix is not a DNS"),
        (
            ["--mig=1g 5gb"],
            "--mig (command line): cannot be part of a label: the key's name may hold only",
        ),
        (
            ["--without-nodes", "--product=A 100"],
            "--product (command line): cannot be part of a label: the value may",
        ),
        (
            ["--without-nodes", "--product=T4", "--nodes=x"],
            "--without-nodes (command line): cannot be combined with --nodes",
        ),
        (
            ["--without-nodes", "--product=T4", "--simulate=t4"],
            "--without-nodes (command line): cannot be combined",
        ),
        (
            ["--product=T4", "-o=table"],
            "--format (command line): 'table' is not a valid value; choose text, json or yaml",
        ),
        (
            ["T4"],
            "T4 (command line): gfd select takes only options, and not this word; see gfd select --help",
        ),
    ],
)
def test_bad_input(gfd: Gfd, words: list[str], message: str) -> None:
    code, out, err = gfd(*words)
    assert (code, out) == (2, "")
    assert err.startswith(f"gfd: {message}")
    assert err.count("\n") == 1


def test_without_a_cluster(gfd: Gfd) -> None:
    code, out, err = gfd("--product=T4", "--kubeconfig=/gone")
    assert (code, out, err) == (
        1,
        "",
        "gfd: kubeconfig /gone: there is no such file; set another with --kubeconfig\n",
    )
