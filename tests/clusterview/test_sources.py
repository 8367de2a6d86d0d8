from __future__ import annotations

from pathlib import Path

import pytest

from gfd.clusterview.cluster import connect
from gfd.clusterview.sources import read_nodes
from gfd.config.loader import load
from gfd.config.model import LoadedConfig
from gfd.errors import ConfigError
from gfd.kube.selectors import parse
from tests.tools.make import node, write


def loaded(**values: str) -> LoadedConfig:
    return load(values, {})


def test_files_come_before_a_simulated_machine(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "nodes", node("a")))
    assert [each.name for each in read_nodes(loaded(simulate="t4"), path)] == ["a"]
    assert [each.name for each in read_nodes(loaded(simulate="t4"))] == ["t4"]


def test_a_selector(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "nodes", node("a", {"zone": "a"}), node("b", {"zone": "b"})))
    (found,) = read_nodes(loaded(), path, selector=parse("zone in (b,c)"))
    assert found.name == "b"
    assert read_nodes(loaded(simulate="t4"), selector=parse("zone")) == []


def test_pods_without_nodes() -> None:
    with pytest.raises(ConfigError, match=r"--pods \(command line\): needs --nodes"):
        read_nodes(loaded(), None, Path("pods"))


def test_the_tools_have_a_limit_of_their_own_unless_an_option_sets_one() -> None:
    assert connect(loaded()) is not connect(loaded())
    slow = loaded(kube_api_qps="1")
    assert connect(slow) is connect(slow)
