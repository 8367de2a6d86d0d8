from __future__ import annotations

import pytest

from gfd.errors import (
    ConfigError,
    DriverUnavailable,
    GfdError,
    InventoryError,
    LabelError,
    NvmlCallFailed,
    ProbeError,
    TemplateError,
)
from gfd.isolation import wire


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("--simulate", "command line", "unknown"),
        InventoryError("file", "gpus[0].name", "missing"),
        ProbeError("none of 2 GPUs could be read"),
        DriverUnavailable("no library"),
        NvmlCallFailed("nvmlDeviceGetName", "GPU 0", 15, "GPU is lost"),
        TemplateError("mine.j2", 3, "division by zero", "{{ 1/0 }}"),
        LabelError("a", "b", "rule", "mine.j2:1"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_as_it_left(error: GfdError) -> None:
    with pytest.raises(type(error)) as arrived:
        wire.read(wire.write_error(error))
    assert str(arrived.value) == str(error)
    assert vars(arrived.value) == vars(error)


def test_an_answer_arrives_in_one_line() -> None:
    answer = {"labels": {"nvidia.com/gpu.product": "A\nB"}, "gpus": 1}
    line = wire.write_answer(answer)
    assert "\n" not in line
    assert wire.read(line) == answer
