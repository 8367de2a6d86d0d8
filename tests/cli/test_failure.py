"""What gfd says when something is wrong, and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gfd import cli
from gfd.errors import GfdError
from tests.cli import DOC, Gfd

pytestmark = pytest.mark.whole


SERVICE = "the service (gfd without a command)"


@pytest.mark.parametrize(
    ("argv", "flag", "reason"),
    [
        (
            "match --sleep-interval=1s pod.yaml",
            "--sleep-interval",
            f"gfd match does not take this option; only {SERVICE}, gfd diff, gfd doctor and gfd config do",
        ),
        (
            "machines --log-format json",
            "--log-format",
            f"gfd machines does not take this option; only {SERVICE}, gfd doctor and gfd config do",
        ),
        ("nodes --html x", "--html", "gfd nodes does not take this option; only gfd report does"),
        ("--html x report", "--html", "write it after the command: gfd report --html"),
        ("nodes --mig-strategy single", "--mig-strategy", "gfd nodes uses it only together with --simulate"),
        (
            "nodes --nodes f.json --context prod",
            "--context",
            "--nodes reads the nodes from a file; leave out one of the two",
        ),
        (
            "report --html=x --extra-labels all",
            "--extra-labels",
            "gfd report uses it only together with --simulate, --this-machine or SNAPSHOT",
        ),
    ],
)
def test_a_command_refuses_flags_that_it_would_ignore(gfd: Gfd, argv: str, flag: str, reason: str) -> None:
    assert gfd(*argv.split()) == (2, "", f"gfd: {flag} (command line): {reason}\n")


def test_environment_and_config_file_may_set_what_a_command_ignores(gfd: Gfd, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("version: v1\nflags:\n  migStrategy: mixed\n  gfd:\n    sleepInterval: 5s\n")
    environ = {"GFD_SLEEP_INTERVAL": "1s", "GFD_METRICS_ADDR": ":8080", "GFD_CONFIG_FILE": str(file)}
    expected = gfd("machines")
    assert expected[0] == 0
    assert gfd("machines", **environ) == expected
    assert gfd("nodes", "--simulate=t4", **environ)[0] == 0


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["dump", "--simulat=x"], 2, "--simulat (command line): unknown flag; did you mean --simulate?"),
        (["--simulat=x", "--oneshot"], 2, "--simulat (command line): unknown flag; did you mean --simulate?"),
        (["dmp"], 2, "dmp (command line): unknown command; did you mean dump?"),
        (["dump", "now"], 2, "now (command line): gfd dump takes only options, and not this word"),
        (
            ["--mig-strategy=both", "--oneshot"],
            2,
            "--mig-strategy (command line): 'both' is not a valid value",
        ),
        (["--sink=fle", "--oneshot"], 2, "--sink (command line): 'fle' is not a valid value"),
        (["dump", "-o", "xml"], 2, "--format (command line): 'xml' is not a valid value"),
        (
            ["dump", "--simulate=h10"],
            2,
            "--simulate (command line): there is no machine h10; did you mean h100?",
        ),
        (["dump", "--simulate=t4", "--mig=all-1g.5gb"], 2, "--mig (command line): "),
        (
            ["dump", "--simulate=a30", "--extra-labels=enginse"],
            2,
            "--extra-labels (command line): 'enginse' is not a valid value",
        ),
        (
            ["completion"],
            2,
            "gfd completion (command line): SHELL is missing: the shell, bash, zsh, tcsh or fish",
        ),
        (["completion", "fsh"], 2, "SHELL (command line): 'fsh' is not a valid value"),
        (
            ["config", "--sleep-interval=60"],
            2,
            "--sleep-interval (command line): '60' has no unit; did you mean 60s?",
        ),
        (["config", "--sleep-interval=0s"], 2, "--sleep-interval (command line): must be longer than 0"),
        (["config", "--sleep-interval=-1s"], 2, "--sleep-interval (command line): must be longer than 0"),
        (["--config-file=/gone", "--oneshot"], 2, "--config-file (command line): cannot read /gone"),
        (["--use-node-feature-api", "--oneshot"], 2, "--use-node-feature-api (command line): "),
        (
            ["config", "--device-discovery-strategy=tegr"],
            2,
            "--device-discovery-strategy (command line): 'tegr' is not a valid value",
        ),
        (
            ["config", "--config-file=/dev/zero"],
            1,
            "--config-file (/dev/zero): cannot read /dev/zero: it is a character device, not a regular file",
        ),
        (["dump", "--inventory=/gone"], 1, "/gone: No such file or directory; take one with gfd snapshot"),
        (["dump", "--inventory=/"], 1, "/: Is a directory"),
        (
            ["dump", "--simulate=t4", "--template-dir=/gone"],
            1,
            "template /gone: the directory cannot be read",
        ),
        (
            ["snapshot", "--simulate=t4", "-o=/gone/x"],
            1,
            "--file /gone/x: No such file or directory; name a file in a directory that you can write to",
        ),
        (["cleanup", "-o=/proc"], 1, "sink file: /proc: this is a directory"),
    ],
)
def test_bad_input(gfd: Gfd, argv: list[str], code: int, message: str) -> None:
    exit_code, out, err = gfd(*argv)
    assert (exit_code, out) == (code, "")
    assert err.startswith(f"gfd: {message}")
    assert err.count("\n") == 1


NO_UNIT = "--sleep-interval (command line): '60' has no unit; did you mean 60s?"
UNKNOWN = "--simulat (command line): unknown flag; did you mean --simulate? gfd --help-all lists all flags"


def read_event(text: str) -> dict[str, str]:
    entry: dict[str, str] = json.loads(text)
    assert text.count("\n") == 1
    assert (entry["event"], entry["level"]) == ("service.failed", "error")
    return entry


@pytest.mark.parametrize(("flag", "reason"), [("--sleep-interval=60", NO_UNIT), ("--simulat=x", UNKNOWN)])
def test_the_service_logs_why_it_ends(
    gfd: Gfd, flag: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for argv, environ in (
        ([flag], {}),
        ([flag], {"GFD_ONESHOT": "false"}),
        ([flag, "--oneshot=false", "--log-format=json"], {"GFD_ONESHOT": "1"}),
    ):
        code, out, err = gfd(*argv, **environ)
        assert (code, out, read_event(err)["reason"]) == (2, "", reason)
    traceback = read_event(gfd(flag, "--log-level=debug")[2])["traceback"]
    assert traceback.startswith("Traceback (most recent call last):")
    for argv, environ in (
        ([flag, "--log-format=console"], {}),
        ([flag], {"GFD_LOG_FORMAT": "console"}),
        ([flag, "--oneshot"], {}),
        ([flag], {"GFD_ONESHOT": "t"}),
    ):
        assert gfd(*argv, **environ) == (2, "", f"gfd: {reason}\n")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert gfd(flag) == (2, "", f"gfd: {reason}\n")


def test_a_bad_value_of_oneshot_ends_the_service(gfd: Gfd) -> None:
    code, _, err = gfd(GFD_ONESHOT="yes")
    assert code == 1
    assert read_event(err)["reason"].startswith("--oneshot (GFD_ONESHOT): 'yes' is not a boolean")


def test_a_service_that_cannot_start_follows_its_config_file(
    gfd: Gfd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise GfdError("no port")

    monkeypatch.setattr("gfd.agent.main.run", fail)
    file = tmp_path / "config.yaml"
    argv = ("--config-file", str(file))
    file.write_text("flags:\n  gfd:\n    logFormat: console\n")
    assert gfd(*argv) == (1, "", "gfd: no port\n")
    file.write_text("flags:\n  gfd:\n    logLevel: debug\n")
    assert "no port" in read_event(gfd(*argv)[2])["traceback"]


def test_a_bad_environment_variable_is_not_a_usage_error(gfd: Gfd) -> None:
    code, _, err = gfd("--oneshot", MIG_STRATEGY="both")
    assert (code, err) == (
        1,
        "gfd: --mig-strategy (MIG_STRATEGY): 'both' is not a valid value; choose none, single or mixed\n",
    )


def test_warnings_of_the_config_file(gfd: Gfd, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("flags:\n  migStrateggy: mixed\n")
    code, out, err = gfd("--oneshot", *DOC, "-o=", "--config-file", str(file))
    assert code == 0
    assert out
    assert err.startswith(f"gfd: warning: {file}:2: unknown key flags.migStrateggy is ignored")
    code, out, err = gfd("dump", *DOC, "--config-file", str(file))
    assert (code, err.count("\n")) == (0, 1)
    code, _, err = gfd("--oneshot", *DOC, "-o=", "--config-file", str(file), "--strict-config")
    assert code == 1
    assert "flags.migStrateggy" in err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--version",), "cannot write the output"),
        (("machines",), "cannot write the output"),
        (("dump", *DOC), "cannot write the output"),
        (("--oneshot", "--output-file=", *DOC), "sink stdout: standard output"),
    ],
)
def test_a_full_disk(words: tuple[str, ...], complaint: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gfd", *words], check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (1, f"gfd: {complaint}: No space left on device\n")


def test_a_closed_pipe() -> None:
    command = f"{sys.executable} -m gfd dump {' '.join(DOC)} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout == "nvidia.com/cuda.driver-version.full=460.73.01\n"
    assert done.stderr == ""


def test_an_unexpected_error_is_one_line(gfd: Gfd, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, and no credential in what --log-level debug adds."""

    def fail(*_: object) -> None:
        raise RuntimeError("it broke: Authorization: Bearer open-sesame")

    monkeypatch.setattr(cli, "_run_command", fail)
    said = (
        "gfd: unexpected RuntimeError: it broke: Authorization: Bearer SECRET; run it again with --log-level "
    )
    assert gfd("dump") == (1, "", f"{said}debug and report the output\n")
    for argv, environ in (
        (("dump", "--log-level=debug"), {}),
        (("-log-level", "debug", "dump"), {"GFD_LOG_LEVEL": "error"}),
        (("dump",), {"GFD_LOG_LEVEL": "debug"}),
    ):
        code, _, err = gfd(*argv, **environ)
        assert code == 1
        assert err.startswith(said)
        assert "Traceback" in err
        assert "sesame" not in err
        assert all(line.startswith("gfd: ") for line in err.splitlines())
    assert "Traceback" not in gfd("dump", "--log-level=error", GFD_LOG_LEVEL="debug")[2]
