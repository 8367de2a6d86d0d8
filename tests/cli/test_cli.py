"""The commands as they are typed, and what they print."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from gfd.config.options import OPTIONS
from gfd.inventory import snapshot
from gfd.inventory.model import FactFailure, FailedGpu
from gfd.labels.requirements import MIG_ADVICE
from tests.cli import DOC, Gfd
from tests.make import gpu, inventory, mig_gpu

pytestmark = pytest.mark.whole


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


def test_the_table_has_a_paragraph_for_each_group(gfd: Gfd) -> None:
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


def test_dump_without_a_driver_suggests_a_simulation(gfd: Gfd) -> None:
    code, out, err = gfd("dump")
    assert (code, out) == (1, "")
    assert err.startswith("gfd: libnvidia-ml.so.1 could not be loaded from the loader's path")
    assert err.endswith(
        "To see the labels of another machine, pass --simulate with a name from gfd machines\n"
    )


def test_dump_warns_of_a_failed_gpu(gfd: Gfd, tmp_path: Path) -> None:
    failure = FactFailure(
        fact="gpu", source="nvmlDeviceGetName", device="GPU 1", reason="GPU is lost", code=15
    )
    node = inventory(gpu(0), failed_gpus=(FailedGpu(index=1, failure=failure),))
    (tmp_path / "node.json").write_text(snapshot.to_json(node))
    code, out, err = gfd("dump", "--inventory", str(tmp_path / "node.json"))
    assert code == 0
    assert "nvidia.com/gpu.count=1\n" in out
    assert err == (
        "gfd: warning: GPU 1 is left out: nvmlDeviceGetName on GPU 1 failed: GPU is lost (NVML error 15)\n"
    )


def test_dump_warns_of_unknown_memory(gfd: Gfd, tmp_path: Path) -> None:
    reason = "Insufficient Permissions"
    why = FactFailure(
        fact="memory_bytes", source="nvmlDeviceGetMemoryInfo", device="GPU 1", reason=reason, code=4
    )
    node = inventory(gpu(0), mig_gpu(1, 0, memory_bytes=None, failures=(why,)))
    path = tmp_path / "node.json"
    path.write_text(snapshot.to_json(node))
    code, out, err = gfd("dump", "--inventory", str(path))
    assert code == 0
    assert "nvidia.com/gpu.count=2\nnvidia.com/gpu.family=ampere\n" in out
    told = f"{why.to_error()}; {MIG_ADVICE}\n"
    assert err == f"gfd: warning: the memory of GPU 1 is unknown: {told}"
    unseen = f"gfd: MIG strategy mixed needs the MIG devices of GPU 1, which NVML does not show: {told}"
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
    assert gfd("cleanup", "-o", str(target)) == (0, f"{target}: nothing to remove\n", "")
    assert gfd("cleanup", "-o=") == (0, "--sink stdout: nothing to remove\n", "")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_wait_of_oneshot(tmp_path: Path) -> None:
    target, lock = tmp_path / "gfd", tmp_path / ".gfd-tmp/gfd.lock"
    argv = [sys.executable, "-m", "gfd", "--oneshot", *DOC, "-o", str(target)]
    subprocess.run(argv, check=True)
    # The lock is as old as the file.
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
    nothing = f"--sink file: {target}\nno changes; 34 unchanged, 0 of other programs\n"
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
        "1 added, 1 removed, 1 changed; 32 unchanged, 1 of other programs\n"
    )
    assert (code, err) == (
        1,
        f"gfd: {target}: 1 added, 1 removed, 1 changed; 32 unchanged, 1 of other programs\n",
    )
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
    said = "gfd: --sink stdout: printed labels are not stored, so there is nothing to compare with\n"
    assert gfd("diff", *DOC, "--sink=stdout") == (1, "", said)
    code, out, err = gfd("diff", *DOC, f"--output-file={tmp_path}/gone/gfd")
    assert (code, out) == (1, "")
    assert err.startswith(
        f"gfd: sink file: {tmp_path}/gone/gfd: {tmp_path}/gone: No such file or directory; "
    )
    given = ("--sink=node", "--node-name=n1", f"--kubeconfig={tmp_path}/none")
    reason = f"kubeconfig {tmp_path}/none: there is no such file; set another with --kubeconfig"
    assert gfd("diff", *DOC, *given) == (1, "", f"gfd: sink node: nodes/n1: {reason}\n")
