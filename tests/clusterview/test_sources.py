from __future__ import annotations

from pathlib import Path

import pytest

from gfd.clusterview.cluster import connect
from gfd.clusterview.sources import read_nodes, read_nodes_and_pods
from gfd.config.loader import load
from gfd.config.model import LoadedConfig
from gfd.errors import ConfigError
from gfd.kube.selectors import parse
from tests.tools.make import node, write


def loaded(**values: str) -> LoadedConfig:
    return load(values, {})


def test_files_and_a_simulated_machine_exclude_each_other(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "nodes", node("a")))
    for flag, files in (("--nodes", (path, None)), ("--nodes", (path, path)), ("--pods", (None, path))):
        for read in (read_nodes, read_nodes_and_pods):
            with pytest.raises(
                ConfigError, match=rf"{flag} \(command line\): cannot be used with --simulate"
            ):
                read(loaded(simulate="t4"), *files)
    assert [each.name for each in read_nodes(loaded(), path)] == ["a"]
    assert [each.name for each in read_nodes(loaded(simulate="t4"))] == ["t4"]


def test_a_selector(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "nodes", node("a", {"zone": "a"}), node("b", {"zone": "b"})))
    (found,) = read_nodes(loaded(), path, selector=parse("zone in (b,c)"))
    assert found.name == "b"
    assert read_nodes(loaded(simulate="t4"), selector=parse("zone")) == []


def test_pods_without_nodes() -> None:
    for read in (read_nodes, read_nodes_and_pods):
        with pytest.raises(ConfigError, match=r"--pods \(command line\): needs --nodes"):
            read(loaded(), None, Path("pods"))


def test_the_tools_have_a_limit_of_their_own_unless_an_option_sets_one() -> None:
    assert connect(loaded()) is not connect(loaded())
    slow = loaded(kube_api_qps="1")
    assert connect(slow) is connect(slow)
