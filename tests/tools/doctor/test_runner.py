"""What gfd doctor prints, and which checks it skips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gfd import cli
from gfd.errors import GfdError
from gfd.tools.doctor.checks import CHECKS, hardware, publishing
from gfd.tools.doctor.context import Context
from gfd.tools.doctor.result import Check, CheckResult, fail, ok, skip, warn
from gfd.tools.doctor.runner import run_checks, summarise, to_json, to_text
from tests.tools.doctor.machines import ADDRESS, lay_out, make_context, run_check

pytestmark = pytest.mark.whole


def test_checks_without_a_cluster_are_skipped_together(root: Path) -> None:
    context = make_context(root, kubeconfig="/gone/kubeconfig")
    no_cluster = "kubeconfig /gone/kubeconfig: there is no such file; set another with --kubeconfig"
    found = list(run_checks(context))[-2:]
    assert found == [
        ("API server", skip(f"no cluster: {no_cluster}")),
        (
            "cluster",
            skip(
                "not checked without a cluster: clock, token, rights, policy, NFD, Node, doubled, operator, "
                "devices"
            ),
        ),
    ]
    for options, lost in (
        ({"sinks": "node"}, "gfd cannot publish"),
        ({"sinks": "file", "node_condition": "true"}, "gfd cannot set the Node condition"),
        ({"sinks": "file", "config_dir": "/c"}, "gfd cannot choose the configuration of this node"),
    ):
        context = make_context(root, kubeconfig="/gone/kubeconfig", node_name="n1", **options)
        assert run_check(context, "API server") == fail(
            no_cluster, f"{lost}: check the service account, automountServiceAccountToken, or --kubeconfig"
        )


def test_a_crash_of_one_check_does_not_stop_the_others(root: Path) -> None:
    def crash(_: Context) -> CheckResult:
        raise ZeroDivisionError("division by zero")

    def complain(_: Context) -> CheckResult:
        raise GfdError("it is gone")

    checks = [
        Check(name="crash", run=crash),
        Check(name="complain", run=complain),
        Check(name="last", run=lambda _: ok("fine")),
    ]
    assert list(run_checks(make_context(root), checks)) == [
        (
            "crash",
            fail(
                "the check crashed: ZeroDivisionError: division by zero",
                "report this defect with gfd doctor --bundle",
            ),
        ),
        ("complain", fail("the check failed: it is gone", "solve this problem first")),
        ("last", ok("fine")),
    ]


def test_every_check_survives_broken_files(tmp_path: Path) -> None:
    """Folders instead of files, and bytes that are not text."""
    root = lay_out(tmp_path / "root")
    context = make_context(root)
    for path in ("proc/driver/nvidia/version", f"proc/driver/nvidia/gpus/{ADDRESS}/information"):
        (root / path).unlink()
        (root / path).mkdir()
    (root / "features.d/gfd").write_bytes(b"\xff\xfe=\n")
    (root / "mountinfo").mkdir()
    context.cluster = GfdError("no cluster")
    names = {name for name, result in run_checks(context) if "crashed" in result.seen}
    assert names == {"device nodes"}


RESULTS = (
    ("first", ok("one \x1b[2J")),
    ("second", warn("a b " * 10, "do this and that and something else as well")),
    ("third", fail("no", "yes")),
    ("fourth", skip("why")),
)


def test_text() -> None:
    text = to_text(RESULTS)
    assert text == (
        "ok    first   one \\x1b[2J\n"
        f"warn  second  {('a b ' * 10).rstrip()}\n"
        "              -> do this and that and something else as well\n"
        "FAIL  third   no\n"
        "              -> yes\n"
        "skip  fourth  why\n"
        "1 ok, 1 warning, 1 failed, 1 skipped\n"
    )


def test_text_on_a_narrow_terminal() -> None:
    text = to_text(RESULTS, width=40, is_coloured=True)
    assert text.splitlines()[:6] == [
        "\x1b[32mok\x1b[0m    first   one \\x1b[2J",
        "\x1b[33mwarn\x1b[0m  second  a b a b a b a b a b a b a",
        "              b a b a b a b",
        "              -> do this and that and",
        "                 something else as well",
        "\x1b[31mFAIL\x1b[0m  third   no",
    ]


def test_json() -> None:
    assert json.loads(to_json(RESULTS[1:3])) == [
        {"check": "second", "state": "warn", "seen": "a b " * 10, "next": RESULTS[1][1].next_step},
        {"check": "third", "state": "fail", "seen": "no", "next": "yes"},
    ]
    assert summarise(()) == ""


def test_names_of_checks_are_unique() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert set(hardware.CHECKS) | set(publishing.CHECKS) < set(CHECKS)


def test_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The machine that runs the tests may run an nfd-worker.
    monkeypatch.setattr(publishing, "_find_process", lambda context: None)

    def doctor(*argv: str) -> tuple[int | None, str, str]:
        given = ("doctor", "--simulate=t4", f"--output-file={tmp_path}/gfd", "--kubeconfig=/gone", *argv)
        code = cli.run(given, {})
        said: Any = capsys.readouterr()
        return code, said.out, said.err

    code, out, err = doctor()
    assert (code, err) == (0, "")
    assert out == (
        "skip  hardware      not checked, because t4 is simulated: GPU, driver, library, NVML, device nodes, "
        "MIG, /proc, facts\n"
        "ok    labels        gfd renders 26 labels\n"
        f"warn  feature file  {tmp_path}/gfd does not exist\n"
        "                    -> start gfd on this node, or run gfd --oneshot\n"
        "skip  nfd-worker    no nfd-worker process is visible here, and there is no cluster to ask\n"
        "skip  API server    no cluster: kubeconfig /gone: there is no such file; set another with "
        "--kubeconfig\n"
        "skip  cluster       not checked without a cluster: clock, token, rights, policy, NFD, Node, "
        "doubled, operator, devices\n"
        "1 ok, 1 warning, 4 skipped\n"
    )
    code, out, err = doctor("-o", "json", "--sink=node", "--node-name=n1")
    assert (code, err) == (1, "gfd: failed: API server\n")
    assert [each["check"] for each in json.loads(out) if each["state"] == "fail"] == ["API server"]
