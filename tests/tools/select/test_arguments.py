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
            "gfd select (command line): needs one of --product, --family, --mig-profile, --mig-memory, --mem",
        ),
        (["--product="], "gfd select (command line): needs one of --product"),
        (["--product=T4", "--count=0"], "--count (command line): must be at least 1: 0"),
        (["--product=T4", "--count=x"], "--count (command line): 'x' is not a whole number"),
        (["--cuda=v12.4"], "--cuda (command line): is not a version: 'v12.4'; write one like 12.4 or >=12.4"),
        (["--count=8"], "gfd select (command line): needs one of --product, --family, --mig-profile, --mig-"),
        (["--memory=40"], "--memory (command line): has no unit: '40'; did you mean 40GB?"),
        (
            ["--compute=8.0.0"],
            "--compute (command line): is not a version: '8.0.0'; write one like 8.0 or >=8.0",
        ),
        (["--driver=>=560,<550"], "--driver (command line): excludes every value: >=560, <550"),
        (["--cuda"], "--cuda (command line): needs a value; write --cuda COMPARISON"),
        (
            ["--mig-profile=1g5gb"],
            "--mig-profile (command line): is not a MIG profile: '1g5gb'; write one like 1g.5gb",
        ),
        (
            ["--mig-profile=all-1g.5gb"],
            "--mig-profile (command line): is not a MIG profile: 'all-1g.5gb'; did you mean 1g.5gb?",
        ),
        (
            ["--mig=1g.5gb"],
            (
                "--mig (command line): needs --simulate, since it describes a simulated machine; gfd select "
                "asks for a MIG device with --mig-profile"
            ),
        ),
        (
            ["--mig=1g.5gb", "--simulate=dgx-a100"],
            "gfd select (command line): needs --mig-profile 1g.5gb or another option that describes the",
        ),
        (
            ["--mig=layout.yaml", "--simulate=dgx-a100"],
            "gfd select (command line): needs --mig-profile 1g.5gb or another option that describes the",
        ),
        (
            ["--memory==>40Gi"],
            "--memory (command line): begins with =>, which is not an operator: write '>=40Gi'",
        ),
        (
            ["--exclusive", "--shared"],
            "--exclusive (command line): cannot be combined with --shared: --exclusive means GPUs for",
        ),
        (
            ["--exclusive", "--mig-profile=1g.5gb"],
            "--exclusive (command line): cannot be combined with --mig-profile: --exclusive means whole GPUs",
        ),
        (
            ["--memory=10GB", "--mig-memory=10GB"],
            "--memory (command line): cannot be combined with --mig-memory: --memory is the same for MIG",
        ),
        (["--mig-memory=much"], "--mig-memory (command line): is not an amount of memory: 'much'"),
        (
            ["--nvlink"],
            "--nvlink (command line): no label tells how GPUs are connected; choose a product whose",
        ),
        (
            ["-RDMA"],
            "-RDMA (command line): no label of a GPU tells RDMA; request the resource of the network",
        ),
        (["--vram=40GB"], "--vram (command line): write --memory instead"),
        (["--gpus-per-node=0"], "--gpus-per-node (command line): must be at least 1: 0"),
        (["--without-nodes", "--shared"], "--shared (command line): needs the nodes, since the name of the"),
        (["--without-nodes", "--mig-memory=5GB"], "--mig-memory (command line): needs the nodes, since the"),
        (
            ["--without-nodes", "--family=hoper"],
            "--family (command line): is not known: 'hoper'; did you mean hopper? known are kepler, maxwell",
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
            "T4 (command line): gfd select takes only options, and not this word; for a product, write",
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
