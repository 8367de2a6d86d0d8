"""Config files in tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.config.config_file import ConfigFile, read
from gfd.errors import ConfigError


def read_config(file: Path, text: str) -> ConfigFile:
    file.write_text(text)
    return read(file, origin="CONFIG_FILE")


def read_error(file: Path, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        read_config(file, text)
    return str(refused.value).replace(str(file), "FILE")
