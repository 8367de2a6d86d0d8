"""gfd as it is typed: what it prints, what it says when something is wrong, and its exit code."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gfd import __version__, cli
from gfd.cli.commands import COMMANDS
from gfd.config.options import OPTIONS
from gfd.inventory import snapshot
from gfd.inventory.model import FailedGpu, Failure
from gfd.labels.needs import SEE_MIG
from tests.make import gpu, inventory, mig_gpu

pytestmark = pytest.mark.whole

Gfd = Callable[..., tuple[int | None, str, str]]
DOC = ("--simulate", "mig-doc", "--mig", "all-1g.5gb", "--mig-strategy", "single", "--no-timestamp")


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str]) -> Gfd:
    """Run gfd in this process: exit code, standard output, standard error."""

    def run(*argv: str, **environ: str) -> tuple[int | None, str, str]:
        code = cli.run(argv, environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_version(gfd: Gfd) -> None:
    for flag in ("--version", "-version", "-v"):
        assert gfd(flag) == (0, f"gfd {__version__}\n", "")


def test_help_fits_a_screen(gfd: Gfd) -> None:
    code, out, err = gfd("--help")
    for flag in ("-h", "-help=true", "--oneshot=true"):
        assert gfd("--help", flag) == (code, out, err)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    for option in OPTIONS:
        assert option.flag in out
    for name in COMMANDS:
        assert f"  {name} " in out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_explains_every_option(gfd: Gfd, name: str) -> None:
    code, out, _ = gfd(name, "--help")
    assert code == 0
    assert COMMANDS[name].help in out
    for option in (*OPTIONS, *COMMANDS[name].options):
        assert option.flag in out
        assert option.help.split()[0] in out


def test_dump_formats(gfd: Gfd) -> None:
    _, lines, _ = gfd("dump", *DOC)
    labels = dict(line.split("=", 1) for line in lines.splitlines())
    assert labels["nvidia.com/gpu.product"] == "A100-PCIE-40GB-MIG-1g.5gb"
    assert gfd("dump", *DOC, "-o", "nfd") == (0, lines, "")
    assert json.loads(gfd("dump", *DOC, "-o=json")[1]) == labels
    assert yaml.safe_load(gfd("dump", *DOC, "--format", "yaml")[1]) == labels
    _, table, _ = gfd("dump", *DOC, "-o", "table")
    *rows, count = [line.split() for line in table.splitlines() if line]
    assert dict(rows) == labels
    assert count == [str(len(labels)), "labels"]


def test_dump_on_a_terminal_is_a_table(gfd: Gfd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    _, out, _ = gfd("dump", *DOC)
    assert out.splitlines()[-1] == "34 labels"
    assert [line.split() for line in out.splitlines() if "gpu.product" in line] == [
        ["nvidia.com/gpu.product", "A100-PCIE-40GB-MIG-1g.5gb"]
    ]
    assert out == gfd("dump", *DOC, "-o", "table")[1]
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[2mnvidia.com/\x1b[0mgpu.product " in gfd("dump", *DOC)[1]


def test_the_table_has_a_paragraph_a_group(gfd: Gfd) -> None:
    _, out, _ = gfd("dump", *DOC[:4], "--mig-strategy=mixed", "--no-timestamp", "-o", "table")
    firsts = [paragraph.split()[0] for paragraph in out.split("\n\n")]
    assert firsts == [
        "nvidia.com/cuda.driver-version.full",
        "nvidia.com/gpu.compute.major",
        "nvidia.com/mig-1g.5gb.count",
        "nvidia.com/mig.capable",
        "nvidia.com/mps.capable",
        "nvidia.com/vgpu.present",
        "39",
    ]


def test_dump_of_nothing(gfd: Gfd, tmp_path: Path) -> None:
    (tmp_path / "bare.yaml").write_text("schema: 1\n")
    arguments = ("dump", "--inventory", str(tmp_path / "bare.yaml"), "--no-timestamp")
    assert gfd(*arguments) == (0, "", "")
    assert gfd(*arguments, "-o", "table") == (0, "0 labels\n", "")
    assert gfd(*arguments, "-o", "yaml") == (0, "{}\n", "")


def test_dump_without_a_driver_names_a_way_on(gfd: Gfd) -> None:
    code, out, err = gfd("dump")
    assert (code, out) == (1, "")
    assert err.startswith("gfd: libnvidia-ml.so.1 could not be loaded from the loader's path")
    assert err.endswith("To see the labels of another machine, name one of gfd machines with --simulate\n")


def test_a_gpu_that_failed_is_named(gfd: Gfd, tmp_path: Path) -> None:
    failure = Failure(fact="gpu", source="nvmlDeviceGetName", device="GPU 1", reason="GPU is lost", code=15)
    node = inventory(gpu(0), failed_gpus=(FailedGpu(index=1, failure=failure),))
    (tmp_path / "node.json").write_text(snapshot.to_json(node))
    code, out, err = gfd("dump", "--inventory", str(tmp_path / "node.json"))
    assert code == 0
    assert "nvidia.com/gpu.count=1\n" in out
    assert err == (
        "gfd: warning: GPU 1 is left out: nvmlDeviceGetName on GPU 1 failed: GPU is lost (NVML error 15)\n"
    )


def test_a_memory_that_is_unknown_is_told(gfd: Gfd, tmp_path: Path) -> None:
    reason = "Insufficient Permissions"
    why = Failure(
        fact="memory_bytes", source="nvmlDeviceGetMemoryInfo", device="GPU 1", reason=reason, code=4
    )
    node = inventory(gpu(0), mig_gpu(1, 0, memory_bytes=None, failures=(why,)))
    path = tmp_path / "node.json"
    path.write_text(snapshot.to_json(node))
    code, out, err = gfd("dump", "--inventory", str(path))
    assert code == 0
    assert "nvidia.com/gpu.count=2\nnvidia.com/gpu.family=ampere\n" in out
    told = f"{why.as_error()}; {SEE_MIG}\n"
    assert err == f"gfd: warning: the memory of GPU 1 is unknown: {told}"
    unseen = f"gfd: MIG strategy mixed needs the MIG devices of GPU 1, which cannot be seen: {told}"
    assert gfd("dump", "--inventory", str(path), "--mig-strategy", "mixed") == (1, "", unseen)


def test_a_snapshot_is_replayed(gfd: Gfd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = gfd("dump", *DOC)
    for name in ("node.yaml", "node.json"):
        path = str(tmp_path / name)
        assert gfd("snapshot", "--simulate", "mig-doc", "--mig", "all-1g.5gb", "-o", path) == (0, "", "")
        replay = ("dump", "--no-timestamp", "--mig-strategy=single", "--inventory")
        assert gfd(*replay, path) == expected
    assert json.loads((tmp_path / "node.json").read_text())["schema"] == 1
    _, out, _ = gfd("snapshot", "--simulate", "mig-doc", "--mig", "all-1g.5gb")
    assert out == (tmp_path / "node.yaml").read_text()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(out.encode())))
    assert gfd(*replay, "-") == expected


def test_machines(gfd: Gfd) -> None:
    code, out, _ = gfd("machines")
    names = [line.split()[0] for line in out.splitlines()]
    assert code == 0
    assert set(names) >= {
        "mig-doc",
        "dgx-a100",
        "a30",
        "h100",
        "dgx-h100",
        "h200",
        "b200",
        "t4",
        "l40s",
        "v100",
    }


def test_config_says_where_values_come_from(gfd: Gfd, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("version: v1\nflags:\n  migStrategy: mixed\n  gfd:\n    sleepInterval: 5s\n")
    code, out, err = gfd("config", "--config-file", str(file), "--oneshot", MIG_STRATEGY="single")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert rows["--mig-strategy"] == ["single", "MIG_STRATEGY"]
    assert rows["--sleep-interval"] == ["5s", f"{file}:5"]
    assert rows["--oneshot"] == ["true", "--oneshot"]
    assert rows["--log-level"] == ["info", "default"]
    assert list(rows) == [option.flag for option in OPTIONS]


def test_oneshot_writes_and_cleanup_removes(gfd: Gfd, tmp_path: Path) -> None:
    target = tmp_path / "gfd"
    assert gfd("--oneshot", *DOC, "-o", str(target)) == (0, "", "")
    assert target.read_text() == gfd("dump", *DOC)[1]
    assert gfd("cleanup", "-o", str(target)) == (0, f"{target}: removed\n", "")
    assert gfd("cleanup", "-o", str(target)) == (0, f"{target}: was not there\n", "")
    assert gfd("cleanup", "-o=") == (0, "nothing to withdraw: labels go to standard output\n", "")
    assert list(tmp_path.iterdir()) == []


def test_oneshot_waits_where_it_changed_the_file_and_ctrl_c_ends_that(tmp_path: Path) -> None:
    target, lock = tmp_path / "gfd", tmp_path / ".gfd-tmp/gfd.lock"
    argv = [sys.executable, "-m", "gfd", "--oneshot", *DOC, "-o", str(target)]
    subprocess.run(argv, check=True)
    # The lock is as old as the file, and nobody touches it.
    assert target.stat().st_mtime > lock.stat().st_mtime + 1
    before = target.stat()
    subprocess.run(argv, check=True)
    # ctime: to read the file may move its atime.
    assert (target.stat().st_ino, target.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
    target.unlink()
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as process:
        while not target.exists():
            time.sleep(0.01)
        put_s = target.stat().st_mtime
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert (process.wait(), process.stderr and process.stderr.read()) == (0, b"")
    assert target.stat().st_mtime == put_s


def test_oneshot_on_both_sinks(gfd: Gfd, tmp_path: Path) -> None:
    target = tmp_path / "gfd"
    code, out, _ = gfd("--oneshot", *DOC, "-o", str(target), "--sink", "stdout", "--sink=file")
    assert code == 0
    assert target.read_text() == out != ""


def test_one_sink_that_fails_does_not_stop_the_other(gfd: Gfd, tmp_path: Path) -> None:
    code, out, err = gfd("--oneshot", *DOC, "-o", str(tmp_path / "gone/gfd"), "--sink=file,stdout")
    assert code == 1
    assert out == gfd("dump", *DOC)[1]
    assert err.startswith(f"gfd: sink file: {tmp_path}/gone/gfd: ")


def test_diff(gfd: Gfd, tmp_path: Path) -> None:
    target = tmp_path / "gfd"
    given = (*DOC, f"--output-file={target}")
    assert gfd("--oneshot", *given) == (0, "", "")
    nothing = f"--sink file: {target}\nnothing would change; 34 the same, 0 of others\n"
    assert gfd("diff", *given) == (0, nothing, "")
    lines = target.read_text().replace("gpu.count=7", "gpu.count=6").replace("mps.capable", "x.capable")
    target.write_text(lines)
    (tmp_path / "rack").write_text("nvidia.com/rack=\x1b[2J\nnvidia.com/gpu.count=1\n")
    code, out, err = gfd("diff", *given, "--sink=file,stdout")
    assert out == (
        f"--sink file: {target}\n"
        "+ nvidia.com/mps.capable=false\n"
        "- nvidia.com/x.capable=false\n"
        "~ nvidia.com/gpu.count: 6 → 7  [rack]\n"
        "  nvidia.com/rack=\\x1b[2J  [rack]\n"
        "1 added, 1 removed, 1 changed; 32 the same, 1 of others\n"
    )
    assert (code, err) == (1, f"gfd: {target}: 1 added, 1 removed, 1 changed; 32 the same, 1 of others\n")
    code, out, err = gfd("diff", *given, "-o", "json")
    assert code == 1
    (sink,) = json.loads(out)
    assert (sink["sink"], sink["target"], len(sink["changes"])) == ("file", str(target), 36)
    assert next(each for each in sink["changes"] if each["key"] == "nvidia.com/gpu.count") == {
        "key": "nvidia.com/gpu.count",
        "kind": "changed",
        "now": "6",
        "then": "7",
        "wanted": "7",
        "holders": ["rack"],
        "annotation": False,
    }
    assert target.read_text() == lines


def test_diff_without_anything_to_compare_with(gfd: Gfd, tmp_path: Path) -> None:
    said = "gfd: --sink stdout: what is printed is not kept, so there is nothing to compare with\n"
    assert gfd("diff", *DOC, "--sink=stdout") == (1, "", said)
    code, out, err = gfd("diff", *DOC, f"--output-file={tmp_path}/gone/gfd")
    assert (code, out) == (1, "")
    assert err.startswith(
        f"gfd: sink file: {tmp_path}/gone/gfd: {tmp_path}/gone: No such file or directory; "
    )
    given = ("--sink=node", "--node-name=n1", f"--kubeconfig={tmp_path}/none")
    reason = f"kubeconfig {tmp_path}/none: there is no such file; name another with --kubeconfig"
    assert gfd("diff", *DOC, *given) == (1, "", f"gfd: sink node: nodes/n1: {reason}\n")


def test_completion(gfd: Gfd) -> None:
    for shell in ("bash", "zsh", "tcsh"):
        code, out, _ = gfd("completion", shell)
        assert code == 0
        assert "mig-strategy" in out
    script = gfd("completion", "bash")[1]
    typed = "COMP_WORDS=(gfd --mig-strategy ''); COMP_CWORD=2; _shtab_gfd; echo ${COMPREPLY[*]}"
    done = subprocess.run(["bash", "-c", f"{script}\n{typed}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["none", "single", "mixed"]


def test_completion_without_shtab(gfd: Gfd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    code, _, err = gfd("completion", "bash")
    assert (code, err) == (
        1,
        "gfd: completion needs shtab; install gfd with its extra: pip install 'gfd[cli]'\n",
    )


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["--simulat=x"], 2, "--simulat (command line): unknown flag; did you mean --simulate?"),
        (["dmp"], 2, "dmp (command line): unknown command; did you mean dump?"),
        (["dump", "now"], 2, "now (command line): gfd dump takes no such word"),
        (["--mig-strategy=both", "--oneshot"], 2, "--mig-strategy (command line): is unknown: 'both'"),
        (["--sink=fle", "--oneshot"], 2, "--sink (command line): is unknown: 'fle'"),
        (["dump", "-o", "xml"], 2, "--format (command line): is unknown: 'xml'"),
        (
            ["dump", "--simulate=h10"],
            2,
            "--simulate (command line): there is no machine h10: did you mean h100?",
        ),
        (["dump", "--simulate=t4", "--mig=all-1g.5gb"], 2, "--mig (command line): "),
        (
            ["dump", "--simulate=a30", "--extra-labels=enginse"],
            2,
            "--extra-labels (command line): is unknown",
        ),
        (["completion"], 2, "SHELL (command line): gfd completion needs exactly one word: bash, zsh, tcsh"),
        (["completion", "fish"], 2, "SHELL (command line): is unknown: 'fish'"),
        (
            ["config", "--sleep-interval=60"],
            2,
            "--sleep-interval (command line): has no unit: '60'; was 60s meant?",
        ),
        (["config", "--sleep-interval=0s"], 2, "--sleep-interval (command line): must be longer than 0"),
        (["config", "--sleep-interval=-1s"], 2, "--sleep-interval (command line): must be longer than 0"),
        (["--config-file=/gone", "--oneshot"], 2, "--config-file (command line): cannot read /gone"),
        (["--use-node-feature-api", "--oneshot"], 2, "--use-node-feature-api (command line): "),
        (
            ["config", "--device-discovery-strategy=tegra"],
            2,
            "--device-discovery-strategy (command line): tegra is not",
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
            "--file /gone/x: No such file or directory; name a file where one can be written",
        ),
        (["cleanup", "-o=/proc"], 1, "sink file: /proc: this is a directory"),
    ],
)
def test_bad_input(gfd: Gfd, argv: list[str], code: int, message: str) -> None:
    exit_code, out, err = gfd(*argv)
    assert (exit_code, out) == (code, "")
    assert err.startswith(f"gfd: {message}")
    assert err.count("\n") == 1


def test_the_service_says_why_it_ends_as_it_logs(gfd: Gfd, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "--sleep-interval (command line): has no unit: '60'; was 60s meant?"
    code, out, err = gfd("--sleep-interval=60")
    assert (code, out, err.count("\n")) == (2, "", 1)
    entry = json.loads(err)
    del entry["timestamp"]
    assert entry == {"event": "service.failed", "level": "error", "reason": reason}
    entry = json.loads(gfd("--sleep-interval=60", "--log-level=debug")[2])
    assert entry["traceback"].startswith("Traceback (most recent call last):")
    for argv, environ in (
        (["--sleep-interval=60", "--log-format=console"], {}),
        (["--sleep-interval=60"], {"GFD_LOG_FORMAT": "console"}),
        (["--sleep-interval=60", "--oneshot"], {}),
    ):
        assert gfd(*argv, **environ) == (2, "", f"gfd: {reason}\n")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert gfd("--sleep-interval=60") == (2, "", f"gfd: {reason}\n")


def test_bad_environment_is_not_misuse(gfd: Gfd) -> None:
    code, _, err = gfd("--oneshot", MIG_STRATEGY="both")
    assert (code, err) == (
        1,
        "gfd: --mig-strategy (MIG_STRATEGY): is unknown: 'both'; there are none, single, mixed\n",
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
        (("--version",), "the output could not be written"),
        (("machines",), "the output could not be written"),
        (("dump", *DOC), "the output could not be written"),
        (("--oneshot", "--output-file=", *DOC), "sink stdout: standard output"),
    ],
)
def test_a_full_disk(words: tuple[str, ...], complaint: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gfd", *words], check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (1, f"gfd: {complaint}: No space left on device\n")


def test_a_reader_that_has_seen_enough() -> None:
    command = f"{sys.executable} -m gfd dump {' '.join(DOC)} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout == "nvidia.com/cuda.driver-version.full=460.73.01\n"
    assert done.stderr == ""


def test_what_nobody_foresaw_is_one_line(gfd: Gfd, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, and no credential in what --log-level debug adds."""

    def fail(*_: object) -> None:
        raise RuntimeError("it broke: Authorization: Bearer open-sesame")

    monkeypatch.setattr(cli, "_run", fail)
    said = (
        "gfd: unexpected RuntimeError: it broke: Authorization: Bearer SECRET; run it again with --log-level "
    )
    assert gfd("dump") == (1, "", f"{said}debug and report what that prints\n")
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
