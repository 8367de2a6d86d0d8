"""gfd reads any file, or refuses it with an error whose message is one short line."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gfd.config.file_keys import KINDS, SHARED_KEYS, SHARING_KEYS
from gfd.config.loader import load
from gfd.errors import GfdError
from gfd.labels import template_files
from gfd.probe import sysfs
from gfd.simulation import machines

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = settings(
    max_examples=150,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
LONGEST_MESSAGE = 2000
HUGE = "9" * 5000
ENVIRONMENTS: tuple[dict[str, str], ...] = (
    {},
    {"NODE_NAME": "n"},
    {"NODE_NAME": "n", "GFD_SINK": "node", "GFD_STRICT_CONFIG": "1"},
)

KEYS = st.sampled_from(
    sorted(
        {part for path in KINDS for part in path.split(".")}
        | {*SHARING_KEYS, *SHARED_KEYS, "flgas", "FLAGS", "kind", "apiVersion", "data", "metadata", "items"}
        | {"", "<<", "a.b", "\ud800", "\0", "x" * 3000}
    )
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ("v1", "ConfigMap", "List", "gpu", "60s", "1h", "infinite", "off", "single", "nodefeature",
         "stdout,file", ":8080", f":{HUGE}", HUGE, f"{HUGE}s", f"0.{HUGE}s", "0x" + "f" * 5000, "\0", "a\0b",
         "\ud800",
         "[[", "(", "(" * 3000, "a{99999999999999}", "1e400", "-1", "\x85", "GPU-1", "0:1",
         "kind: ConfigMap\ndata: {a: b}",
         "&a [*a]", "flags: {gfd: {sink: [", "x" * 3000)
    ),
)  # fmt: skip
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
        max_leaves=12,
    ),
    max_size=4,
)
PIECES = st.lists(
    st.one_of(
        KEYS,
        st.sampled_from(
            (": ", "\n", "\n  ", "- ", "[", "]", "{", "}", ", ", "|\n", "&a ", "*a", "<<: *a", "!!int ",
             "!!bool 5",
             "!!binary '*'", "!!timestamp x", "!!float ''", "!!int ''", "!!set ", "!!omap ", "? ", "---\n",
             "...\n",
             "%YAML 9.9\n", "'", '"', "\t", "#", "0o9", "1_0", "1:30", "2020-13-45", "[" * 500, HUGE,
             "0x" + "f" * 5000, "-0x" + "f" * 5000)
        ),
    ),
    max_size=24,
)  # fmt: skip


def as_yaml(tree: object) -> str:
    return yaml.safe_dump(tree, allow_unicode=True)


TEXTS: Any = st.one_of(
    TREES.map(json.dumps).map(str.encode),
    TREES.map(as_yaml).map(lambda text: text.encode(errors="surrogatepass")),
    PIECES.map("".join).map(lambda text: text.encode(errors="surrogatepass")),
    st.binary(max_size=40),
    st.tuples(TREES.map(json.dumps), st.binary(max_size=3), st.integers(0, 400)).map(
        lambda parts: parts[0].encode()[: parts[2]] + parts[1] + parts[0].encode()[parts[2] :]
    ),
    TREES.map(json.dumps).map(lambda text: text.encode("utf-16")),
    TREES.map(lambda tree: json.dumps({"kind": "ConfigMap", "data": {"a": as_yaml(tree)}}).encode()),
)


def check(text: str) -> None:
    """Assert that a message is one line, and does not repeat the whole file."""
    assert 0 < len(text) <= LONGEST_MESSAGE, text[:300]
    assert len(text.splitlines()) == 1, text


@SETTINGS
@given(content=TEXTS, environ=st.sampled_from(ENVIRONMENTS))
@example(content=b"flags: {gfd: {asAnnotations: '[[a]'}}", environ={"NODE_NAME": "n", "GFD_SINK": "node"})
@example(content=b'flags: {gfd: {outputFile: "a\\0b"}}', environ={})
@example(content=b'flags: {gfd: {templateDir: "\\ud800"}}', environ={})
@example(content=("flags: {gfd: {metricsAddr: ':" + HUGE + "'}}").encode(), environ={})
@example(content=("a: " + HUGE).encode(), environ={})
@example(content=b'{"kind": "ConfigMap", "data": {"a": "\\ud800"}}', environ={})
@example(content=b"flags:\n  gfd:\n    " + b"[" * 100_000, environ={})
def test_a_configuration(tmp_path: Path, content: bytes, environ: dict[str, str]) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(content)
    try:
        loaded = load({"config_file": str(file)}, environ)
    except GfdError as error:
        check(str(error))
        return
    for warning in loaded.warnings:
        check(warning)
    for setting in loaded.options:
        assert b"\0" not in os.fsencode(setting.text)


MACHINE = b"""driver_version: "580.1"
cuda_version: "13.0"
gpus:
- {model: a30, pci_address: "0000:0b:00.0"}
"""
LAYOUT = b"""version: v1
mig-configs:
  mine:
  - {devices: all, mig-enabled: true, mig-devices: {1g.6gb: 4}}
"""
BAD_VALUES = st.sampled_from(
    (HUGE, "0x" + "f" * 5000, "-0x" + "f" * 5000, "[]", "{}", "null", "-1", "!!int ''", "!!bool 5", "'\\0'",
     "*a",
     "2020-01-01", "1:30", "!!timestamp x", "[&a [x,x], *a]", "'" + HUGE + "." + HUGE + "'", "x" * 3000,
     '"\\ud800"')
).map(str.encode)  # fmt: skip


def damaged(content: bytes) -> Any:
    """Return a strategy that replaces one value of ``content``, or some of its bytes."""
    words = [
        b'"580.1"',
        b'"13.0"',
        b"a30",
        b'"0000:0b:00.0"',
        b"v1",
        b"all",
        b"true",
        b"4}",
        b"gpus",
        b"mine",
    ]
    at = st.integers(0, len(content))
    return st.one_of(
        st.tuples(st.sampled_from([word for word in words if word in content]), BAD_VALUES).map(
            lambda pair: content.replace(*pair)
        ),
        st.tuples(at, st.integers(0, 6), st.binary(max_size=4)).map(
            lambda cut: content[: cut[0]] + cut[2] + content[cut[0] + cut[1] :]
        ),
        TEXTS,
    )


@SETTINGS
@given(machine=damaged(MACHINE), layout=damaged(LAYOUT))
@example(machine=MACHINE, layout=LAYOUT.replace(b"4}", ("0x" + "f" * 5000).encode() + b"}"))
@example(machine=MACHINE.replace(b'"13.0"', f'"{HUGE}.0"'.encode()), layout=LAYOUT)
@example(machine=b"gpus: " + b"[" * 5000, layout=b"")
def test_a_machine_and_its_layout(tmp_path: Path, machine: bytes, layout: bytes) -> None:
    files = tmp_path / "machine.yaml", tmp_path / "mig.yaml"
    for file, content in zip(files, (machine, layout), strict=True):
        file.write_bytes(content)
    for names in ((str(files[0]), None), ("a30", str(files[1]))):
        try:
            machines.read(*names)
        except GfdError as error:
            check(str(error))


@SETTINGS
@given(content=st.binary(max_size=60))
def test_a_template_folder_and_a_machine_type(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.j2").write_bytes(content)
    try:
        (source,) = template_files.read(tmp_path)
        assert source.text.encode() in content
    except GfdError as error:
        check(str(error))
    text, failure = sysfs.read_machine_type(str(tmp_path / "mine.j2"))
    assert isinstance(text, str)
    assert failure is None


def test_a_machine_type_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in (
        ("/dev/zero", "it is a character device, not a regular file"),
        (str(tmp_path), "Is a directory"),
        ("a\0b", "no file can have this name"),
    ):
        text, failure = sysfs.read_machine_type(path)
        assert text is None
        assert failure is not None
        assert failure.reason == reason


@pytest.mark.parametrize("name", ["--simulate", "--mig"])
def test_a_config_map_holds_a_machine_or_a_layout(tmp_path: Path, name: str) -> None:
    file = tmp_path / "x.yaml"
    content = (MACHINE if name == "--simulate" else LAYOUT).decode()
    block = content.replace("\n", "\n    ").rstrip(" ")
    file.write_text(f"kind: ConfigMap\napiVersion: v1\ndata:\n  config.yaml: |\n    {block}")
    names = (str(file), "all-1g.6gb") if name == "--simulate" else ("a30", str(file))
    for gpu in machines.read(*names).gpus:
        assert len(gpu.mig_devices or ()) == 4
    file.write_text(
        file.read_text().replace("all, mig-enabled", "[, mig-enabled").replace('"13.0"', '"13" 0')
    )
    line = 6 if name == "--simulate" else 8
    with pytest.raises(GfdError, match=rf"x\.yaml:{line}: is not valid YAML"):
        machines.read(*names)
    file.write_text("kind: ConfigMap\napiVersion: v1\ndata: {a: x, b: y}")
    with pytest.raises(GfdError, match=r"x\.yaml:1: is a ConfigMap with several keys: a, b; save one of"):
        machines.read(*names)
