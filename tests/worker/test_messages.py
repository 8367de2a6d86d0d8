from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gfd.errors import (
    ConfigError,
    DocumentError,
    DriverUnavailable,
    GfdError,
    LabelError,
    MalformedAnswer,
    NvmlCallFailed,
    ProbeError,
    TemplateError,
)
from gfd.worker import messages
from gfd.worker.library_output import LibraryOutput
from tests.worker.test_result import JSON


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("--simulate", "command line", "unknown"),
        DocumentError("file", 3, "missing", "gpus[0].name"),
        ProbeError("none of 2 GPUs could be read"),
        MalformedAnswer(),
        DriverUnavailable("no library"),
        NvmlCallFailed("nvmlDeviceGetName", "GPU 0", 15, "GPU is lost"),
        TemplateError("mine.j2", 3, "division by zero", "{{ 1/0 }}"),
        LabelError("a", "b", "rule", "mine.j2:1"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_round_trip(error: GfdError) -> None:
    with pytest.raises(type(error)) as arrived:
        messages.decode_answer(messages.encode_error(error))
    assert str(arrived.value) == str(error)
    assert vars(arrived.value) == vars(error)


def test_an_answer_is_one_line() -> None:
    answer = {"labels": {"nvidia.com/gpu.product": "A\nB"}, "gpus": 1}
    line = messages.encode_answer(answer)
    assert "\n" not in line
    assert messages.decode_answer(line) == answer


KINDS = st.sampled_from(["GfdError", "ProbeError", "NvmlCallFailed", "SeveralErrors", "ApiError", "object"])


@given(
    st.text()
    | JSON.map(json.dumps)
    | JSON.map(lambda plain: json.dumps({"answer": plain}))
    | st.builds(lambda kind, arguments: json.dumps({"error": kind, "arguments": arguments}), KINDS, JSON)
)
@example("[" * 100_000)
@example("9" * 5000)
@example('{"error": "SeveralErrors", "arguments": {"errors": "abc"}}')
@example('{"error": "ConfigError", "arguments": {"option": "a", "origin": "b"}}')
@example('{"answer": [1]}')
def test_rubbish_raises_only_gfd_errors(line: str) -> None:
    try:
        answer = messages.decode_answer(line)
    except GfdError:
        return
    assert isinstance(answer, dict)


def test_a_reply_survives_the_round_trip() -> None:
    printed = LibraryOutput(lines=("a\tb", "c"), dropped=3)
    for output in (printed, None):
        reply = messages.encode_reply("abc", 2, "{}", output)
        assert reply.endswith(b"\n")
        assert messages.decode_reply("abc", reply) == (2, "{}", output)


@given(
    st.binary()
    | st.lists(st.binary(max_size=4), max_size=6).map(b"\t".join)
    | JSON.map(lambda plain: b"abc\t0\t=\t" + json.dumps(plain).encode())
)
@example(b"abd\t0\t=\t\n")
@example(b"abc\t" + b"9" * 5000 + b"\t=\t\n")
def test_rubbish_raises_only_malformed_answer(line: bytes) -> None:
    try:
        reply = messages.decode_reply("abc", line)
    except MalformedAnswer:
        return
    assert line.startswith(b"abc\t")
    assert isinstance(reply[0], int)


def raised(text: str) -> Any:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_an_unexpected_error_is_one_short_line() -> None:
    assert messages.describe(raised("a\nb")).startswith("ValueError: a b (test_messages.py, line ")
    assert len(messages.describe(raised("x" * 10_000))) < 300
    assert messages.describe(MemoryError()) == "MemoryError"
