"""The errors of gfd explain."""

from __future__ import annotations

import pytest

from tests.tools.explain.command import DOC, Explain

pytestmark = pytest.mark.whole


def test_keys_of_other_programs(explain: Explain) -> None:
    keys = ("gpu.deploy.driver", "kubernetes.io/arch", "nvidia.com/gpu", "example.com/rack", "mps.capabl")
    code, out, err = explain(*keys, "mps.capable", *DOC)
    assert code == 1
    assert out.startswith("nvidia.com/mps.capable=false\n")
    assert err == (
        "gfd: gfd does not write "
        "nvidia.com/gpu.deploy.driver (it belongs to NVIDIA's GPU operator; the most similar key of gfd is "
        "nvidia.com/gpu.model.architecture), "
        "kubernetes.io/arch (it belongs to Kubernetes), "
        "nvidia.com/gpu (it belongs to NVIDIA's device plugin: a resource that pods request, not a label), "
        "example.com/rack, "
        "nvidia.com/mps.capabl (did you mean nvidia.com/mps.capable?)\n"
    )


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["--catalog", "--node=n"], 2, "--catalog (command line): conflicts with --node; choose one"),
        (
            ["--catalog", "--inventory=f"],
            2,
            "--catalog (command line): conflicts with --inventory; choose one",
        ),
        (
            ["--node=n", "--inventory=f"],
            2,
            "--node (command line): conflicts with --inventory; choose one",
        ),
        (
            ["--node=n", "--simulate=t4"],
            2,
            "--node (command line): conflicts with --simulate; choose one",
        ),
        (
            ["--inventory=f", "--simulate=t4"],
            2,
            "--inventory (command line): conflicts with --simulate; choose one",
        ),
        (["--nodes=f"], 2, "--nodes (command line): needs --node NAME, the node to explain"),
        (
            ["-o", "markdown"],
            2,
            "--format (command line): markdown needs --catalog; or choose table or json",
        ),
        (
            ["-o", "yaml"],
            2,
            "--format (command line): 'yaml' is not a valid value; choose table, json or markdown",
        ),
        (["--inventory=/gone"], 1, "/gone: No such file or directory; take one with gfd snapshot -o /gone"),
        (
            ["--node=n", "--kubeconfig=/gone"],
            1,
            "kubeconfig /gone: there is no such file; set another with --kubeconfig",
        ),
        (
            ["--simulate=h10"],
            2,
            "--simulate (command line): there is no machine h10; did you mean h100? gfd machines lists",
        ),
        (["--catalog", "--template-dir=/gone"], 1, "template /gone: the directory cannot be read"),
    ],
)
def test_bad_input(explain: Explain, argv: list[str], code: int, message: str) -> None:
    exit_code, out, err = explain(*argv)
    assert (exit_code, out) == (code, "")
    assert err.startswith(f"gfd: {message}")
    assert err.count("\n") == 1


def test_the_owner_of_a_key_is_known_without_a_machine(explain: Explain) -> None:
    said = "nvidia.com/gpu.deploy.x (it belongs to NVIDIA's GPU operator; the most similar key of gfd is"
    code, out, err = explain("gpu.deploy.x")
    assert (code, out) == (1, "")
    assert err == f"gfd: gfd does not write {said} nvidia.com/gpu.model)\n"


def test_a_machine_without_a_driver(explain: Explain) -> None:
    code, out, err = explain("gpu.count")
    assert (code, out) == (1, "")
    assert err.startswith("gfd: libnvidia-ml.so.1 could not be loaded from the loader's path")
    assert err.endswith("; use --node or --simulate for another machine, or --catalog for all labels\n")
