from __future__ import annotations

from pathlib import Path

import pytest

from gfd.config import load
from gfd.errors import ConfigError
from gfd.frozen import replace
from gfd.nodeconfig import choose

LABEL = "nvidia.com/device-plugin.config (label of node n)"


@pytest.mark.parametrize(
    ("files", "name", "default", "strategies", "expected"),
    [
        ("default single mixed", "mixed", "single", "", "mixed"),
        ("default single mixed", None, "single", "named", "single"),
        ("default single mixed", None, None, "named,single", "default"),
        ("single", None, None, "named,single", "single"),
        ("a b", None, None, "named,single,empty", None),
    ],
)
def test_the_one_to_use(
    tmp_path: Path, files: str, name: str | None, default: str | None, strategies: str, expected: str | None
) -> None:
    for each in (*files.split(), ".hidden"):
        (tmp_path / each).touch()
    (tmp_path / "folder").mkdir()
    config = replace(
        load({"node_name": "n", "config_dir": str(tmp_path)}, {}).config,
        default_config=default,
        fallback_strategies=tuple(strategies.split(",")),
    )
    assert choose(config, name) == (tmp_path / expected if expected else None)


def test_none_to_use(tmp_path: Path) -> None:
    config = load({"node_name": "n", "config_dir": str(tmp_path)}, {}).config
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    for name, changes, message in (
        ("c", {}, f"{LABEL}: 'c' is none of the configurations in {tmp_path}: a, b"),
        ("..", {}, f"{LABEL}: '..' is none of the configurations in {tmp_path}: a, b"),
        (None, {"default_config": "d"}, "--default-config (default): 'd' is none of the configurations in"),
        (None, {}, f"{LABEL}: is not set, and no fallback tells which of a, b to use; set --default-config"),
        ("a", {"config_dir": tmp_path / "x"}, f"--config-dir ({tmp_path}/x): cannot read it: No such file"),
    ):
        with pytest.raises(ConfigError) as refusal:
            choose(replace(config, **changes), name)
        assert str(refusal.value).startswith(message)
