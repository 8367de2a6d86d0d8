"""Readers of JSON beside gfd: the commands, and the ratio to the fastest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import population, reading
from bench.figure import GFD


def test_readers_read_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_text("{")
    for name, argv in reading.make_readers(reading.FROM_FILES, [str(tmp_path / "a.json")]).items():
        assert name.startswith("reading with ")
        assert subprocess.run(argv, check=False).returncode == 0
        broken = subprocess.run([*argv, str(tmp_path / "b.json")], check=False, capture_output=True)
        assert broken.returncode == 1


@pytest.mark.whole
def test_gfd_and_readers_read_the_same_server(tmp_path: Path) -> None:
    population.write(tmp_path / "nodes.json", population.describe_nodes(8))
    population.write(tmp_path / "pods.json", population.describe_pods(population.describe_nodes(8)))
    with reading.serve(tmp_path) as port:
        for argv in reading.make_readers(reading.FROM_SERVER, [port]).values():
            assert subprocess.run(argv, check=False).returncode == 0
        gfd = (sys.executable, "-m", "gfd", "nodes", f"--kubeconfig={tmp_path / 'kubeconfig'}", "-o=json")
        found = json.loads(subprocess.run(gfd, check=True, capture_output=True).stdout)
    files = (f"--nodes={tmp_path / 'nodes.json'}", f"--pods={tmp_path / 'pods.json'}")
    again = (sys.executable, "-m", "gfd", "nodes", *files, "-o=json")
    assert json.loads(subprocess.run(again, check=True, capture_output=True).stdout) == found
    assert found["totals"]["nodes"] == 8


def test_the_ratio_is_to_the_fastest_reader() -> None:
    spin = "import time\nwhile time.process_time() < {}: pass"
    argvs = {
        name: [sys.executable, "-I", "-S", "-c", spin.format(seconds)]
        for name, seconds in ((GFD, 0.1), ("reading with slow", 0.2), ("reading with fast", 0.05))
    }
    found = {each.name: each for each in reading.compare("files", "1 MiB", argvs, 1)}
    ratios = found["CPU: ratio to reading with fast"].samples[GFD]
    assert len(ratios) == 3
    assert all(1 < ratio < 4 for ratio in ratios)
