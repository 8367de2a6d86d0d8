"""The config file that a node's label names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.config.loader import load
from gfd.config.node_config import choose_file
from gfd.errors import ConfigError

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
def test_the_chosen_file(
    tmp_path: Path, files: str, name: str | None, default: str | None, strategies: str, expected: str | None
) -> None:
    for each in (*files.split(), ".hidden"):
        (tmp_path / each).touch()
    (tmp_path / "folder").mkdir()
    config = load({"node_name": "n", "config_dir": str(tmp_path)}, {}).config._replace(
        default_config=default,
        fallback_strategies=tuple(strategies.split(",")),
    )
    assert choose_file(config, name) == (tmp_path / expected if expected else None)


@pytest.mark.parametrize("is_flag", [True, False])
def test_errors_in_the_chosen_file_name_the_option(tmp_path: Path, is_flag: bool) -> None:
    file = tmp_path / "default"
    values = {"node_name": "n"} | ({"config_dir": str(tmp_path)} if is_flag else {})
    environ = {} if is_flag else {"GFD_CONFIG_DIR": str(tmp_path)}
    origin = "command line" if is_flag else "GFD_CONFIG_DIR"
    with pytest.raises(ConfigError) as missing:
        load(values, environ, file)
    reason = "No such file or directory; check the path"
    assert str(missing.value) == f"--config-dir ({origin}): cannot read {file}: {reason}"
    file.write_text("a: 1\nb: [\n")
    with pytest.raises(ConfigError) as broken:
        load(values, environ, file)
    assert str(broken.value).startswith(f"--config-dir ({file}:2): is not valid YAML: ")
    file.write_text("flags: {migStrategy: 5}")
    with pytest.raises(ConfigError) as wrong:
        load(values, environ, file)
    assert str(wrong.value).startswith(f"flags.migStrategy ({file}:1): expected a string")
    file.chmod(0o666)
    with pytest.raises(ConfigError) as distrusted:
        load(values, environ, file)
    assert str(distrusted.value).startswith(f"--config-dir ({origin}): everybody can write to {file}")
    file.chmod(0o644)
    file.write_text("flags: {migStrategy: mixed}")
    loaded = load(values, environ, file)
    (setting,) = [each for each in loaded.options if each.option.field == "config_file"]
    assert (setting.text, setting.origin) == (str(file), "--config-dir")


def test_no_file_to_choose(tmp_path: Path) -> None:
    config = load({"node_name": "n", "config_dir": str(tmp_path)}, {}).config
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    for name, changes, message in (
        ("c", {}, f"{LABEL}: {tmp_path} has no configuration 'c', it has a, b"),
        ("..", {}, f"{LABEL}: {tmp_path} has no configuration '..', it has a, b"),
        (
            None,
            {"default_config": "d"},
            f"--default-config (default): {tmp_path} has no configuration 'd', it has a, b",
        ),
        (
            None,
            {},
            f"{LABEL}: is not set, and no fallback strategy chooses between a, b; set --default-config",
        ),
        ("a", {"config_dir": tmp_path / "x"}, f"--config-dir ({tmp_path}/x): cannot read it: No such file"),
    ):
        with pytest.raises(ConfigError) as refusal:
            choose_file(config._replace(**changes), name)
        assert str(refusal.value).startswith(message)
