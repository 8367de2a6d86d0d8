"""The config file, read beside NVIDIA's gpu-feature-discovery: GFD_PEER names its binary."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gfd.config.loader import load
from gfd.config.values import parse_duration
from gfd.errors import ConfigError
from tests.peer.original import ORIGINAL, require_original

require_original()

pytestmark = pytest.mark.slow

ON_PURPOSE = re.compile(
    r"flags\.gfd\.sleepInterval .*: (must be longer than 0|.* is too long)"
    r"|flags\.migStrategy .*: .* is not a valid value"
    r"|flags\.useNodeFeatureAPI .*: the NodeFeature sink is not part"
)
"""What gfd refuses although the original reads it."""


class DoneOnPurpose(Exception):
    """What gfd refuses, and means to."""


def ask_peer(file: Path) -> dict[str, Any] | None:
    """Return what the original makes of ``file``, None where it refuses it."""
    fixed = ["--oneshot", "--output-file=", "--use-node-feature-api=false", f"--config-file={file}"]
    done = subprocess.run(
        [ORIGINAL, *fixed],
        capture_output=True, text=True, check=False, timeout=60, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    _, told, rest = done.stderr.partition("Running with config:\n")
    if not told:
        assert "unable to load config" in done.stderr
        return None
    config, _ = json.JSONDecoder().raw_decode(rest)
    flags, sharing = config["flags"], config["sharing"]
    section = sharing.get("mps") or sharing["timeSlicing"]
    return {
        "migStrategy": flags["migStrategy"],
        "failOnInitError": flags["failOnInitError"],
        "noTimestamp": flags["gfd"]["noTimestamp"],
        "sleepInterval": parse_duration(flags["gfd"]["sleepInterval"]),
        "machineTypeFile": flags["gfd"]["machineTypeFile"],
        "driverRoot": flags["plugin"]["containerDriverRoot"],
        "isMps": "mps" in sharing,
        "isRenamed": section.get("renameByDefault", False),
        "resources": [(entry["name"], entry["replicas"]) for entry in section.get("resources", [])],
        "version": config["version"],
    }


def ask_gfd(file: Path) -> dict[str, Any]:
    try:
        config = load({"config_file": str(file), "output_file": ""}, {}).config
    except ConfigError as error:
        if ON_PURPOSE.search(str(error)):
            raise DoneOnPurpose from error
        raise
    return {
        "migStrategy": config.mig_strategy,
        "failOnInitError": config.fail_on_init_error,
        "noTimestamp": config.no_timestamp,
        "sleepInterval": config.sleep_interval_s,
        "machineTypeFile": config.machine_type_file,
        "driverRoot": str(config.driver_root or ""),
        "isMps": config.sharing.strategy == "mps",
        "isRenamed": config.sharing.is_renamed,
        "resources": [(entry.name, entry.replicas) for entry in config.sharing.resources],
        "version": "v1",
    }


def compare(text: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(text)
        expected = ask_peer(file)
        if expected is not None:
            with suppress(DoneOnPurpose):
                assert ask_gfd(file) == expected
        else:
            with pytest.raises((ConfigError, DoneOnPurpose)):
                ask_gfd(file)


WORDS = st.sampled_from(
    ["null", "~", "", "true", "false", "yes", "n", "On", "0", "1", "2", "-1", "2.0", "2.5", "1e3", "010",
     "08",
     "0x10", "1_000", "9223372036854775807", "9223372036854775808", "1e21", "v1", "'v1'", "'2'", "'true'",
     "word", "''", "1m30s", "'60'", "90s", "infinite", "1:30", "2020-01-01", "!!str 5", "!!int '7'", "!x y",
     "none", "single", "mixed", "gpu", "nvidia.com/gpu", "mig-1g.5gb", "gpu.shared", "GPU", "amd.com/gpu",
     "all", "auto", "nvml", "[]", "{}", "[0]", "[0, '0:1']", "[null]", "[a]", "[true]", "[GPU-1]", "[2.0]",
     "GPU-b1028956-cfa2-0990-bf4a-5da9abb51763", "[GPU-b1028956-cfa2-0990-bf4a-5da9abb51763]", "y"]
)  # fmt: skip


def sometimes(usual: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just(usual), st.just(usual), st.just(usual), WORDS)


def section(
    members: dict[str, st.SearchStrategy[str]], always: tuple[str, ...] = ()
) -> st.SearchStrategy[str]:
    """Draw a flow mapping with some of the members, their names now and then in another case, or twice."""

    def name(key: str) -> st.SearchStrategy[str]:
        return st.sampled_from(
            [key] * 12 + [key.upper(), key.lower(), key.capitalize(), f"x{key}", f"'{key}'"]
        )

    pairs = st.one_of(
        *(
            st.tuples(name(key), value).map(lambda pair: f"{pair[0]}: {pair[1]}")
            for key, value in members.items()
        )
    )
    fixed = st.tuples(*(members[key].map(lambda value, key=key: f"{key}: {value}") for key in always))  # type: ignore[misc]
    return st.tuples(fixed, st.lists(pairs, max_size=3)).map(
        lambda parts: f"{{{', '.join((*parts[0], *parts[1]))}}}"
    )


ENTRY = section(
    {"name": sometimes("gpu"), "replicas": sometimes("2"), "devices": WORDS, "rename": WORDS},
    ("name", "replicas"),
)
ENTRIES = st.one_of(WORDS, st.lists(ENTRY, min_size=1, max_size=2).map(lambda items: f"[{', '.join(items)}]"))
REPLICATED = st.one_of(
    section(
        {
            "resources": st.lists(ENTRY, min_size=1, max_size=2).map(lambda items: f"[{', '.join(items)}]"),
            "renameByDefault": sometimes("true"),
            "failRequestsGreaterThanOne": sometimes("false"),
        },
        ("resources",),
    ),
    section({"resources": ENTRIES, "renameByDefault": WORDS}),
    WORDS,
)
GFD = section(
    {
        "noTimestamp": sometimes("true"),
        "sleepInterval": sometimes("1m30s"),
        "machineTypeFile": sometimes("/dmi"),
        "oneshot": sometimes("true"),
    }
)
PLUGIN = section(
    {
        "containerDriverRoot": sometimes("/driver"),
        "deviceListStrategy": sometimes("[envvar]"),
        "passDeviceSpecs": sometimes("true"),
        "deviceIDStrategy": sometimes("uuid"),
    }
)
FLAGS = section(
    {
        "migStrategy": sometimes("mixed"),
        "failOnInitError": sometimes("false"),
        "gdsEnabled": sometimes("true"),
        "mpsRoot": sometimes("/mps"),
        "gfd": st.one_of(GFD, GFD, GFD, WORDS),
        "plugin": st.one_of(PLUGIN, PLUGIN, PLUGIN, WORDS),
    }
)
RESOURCE = section({"pattern": sometimes("'*'"), "name": sometimes("gpu")}, ("pattern", "name"))
RESOURCES = section(
    {
        "gpus": st.one_of(WORDS, RESOURCE.map(lambda entry: f"[{entry}]")),
        "mig": st.one_of(WORDS, RESOURCE.map(lambda entry: f"[{entry}]")),
    }
)
SHARING = section({"timeSlicing": REPLICATED, "mps": REPLICATED})
IMEX = section({"channelIDs": sometimes("[0]"), "required": sometimes("true")})
FILES = section(
    {"version": sometimes("v1"), "flags": FLAGS, "sharing": SHARING, "resources": RESOURCES, "imex": IMEX}
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(FILES)
@example("{sharing: {mps: {resources: [{name: gpu, replicas: 2}]}, timeSlicing: null}}")
def test_any_file_is_read_as_the_original_reads_it(text: str) -> None:
    compare(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing", "---\n", "null", "hello", "[]", "''", "version:\tv1\t# c\n",
        "version: v1\n\tflags: {}\n",
        '{\n\t"flags": {\n\t\t"migStrategy":\t"single"\n\t}\n}\n', "version: v1\n---\nversion: v2\n",
        "version: v1\n...\n{", "version: v2\nversion: v1\n", "~: 1", "[1]: 2", "x: .nan", "x: -.inf",
        "x: &a [*a]", "{version: v1, VERSION: true}", "{version: null, VERSION: v2}",
        "a: &a {migStrategy: single}\nflags:\n  migStrategy: mixed\n  <<: *a\n",
        "a: &a {migStrategy: single}\nflags:\n  <<: [*a, {migStrategy: mixed, failOnInitError: false}]\n",
        "flags: {<<: 5}", "a: *b", "a: !!int word", "a: !!binary '*'", "a: !!bool 1", "a: !!float 1",
        "flags: {migStrategy: !!binary bWl4ZWQ=}", "flags: {migStrategy: mixed, MIGSTRATEGY: single}",
        "FLAGS: {migStrategy: single}\nflags: {gfd: {noTimestamp: true}}",
        "flags: {migStrategy: |-\n  mixed\n }",
        "\ufeffversion: v1\n", "'flags': {\"migStrategy\": 'single'}", "flags:\n- migStrategy: single\n",
        "flags: {gfd: {machineTypeFile: >-\n  /a\n  b}}",
        "sharing: {mps: {resources: [{name: gpu, replicas: 2}]}}",
        "%YAML 1.1\n---\nversion: v1\n", "flags: {migStrategy: mixed,}",
        "flags: {'gfd': {noTimestamp: yes,},}",
        "<<: {flags: {migStrategy: single}}\nversion: v1\n", "imex: {channelIDs: [1.0, null]}",
        "flags: {gfd: {sleepInterval: 1e9}}", "flags: {gfd: {sleepInterval: 0x3B9ACA00}}",
        "flags: {gfd: {sleepInterval: 1.5e9}}", "flags: {gfd: {sleepInterval: 1000000000.9}}",
        "flags: {gfd: null, plugin: null}\nsharing: null\nimex: null\nresources: null\nversion: null\n",
        *(f"flags: {{gfd: {{sleepInterval: {text}}}}}" for text in
          ("1µs", "'1\u03bcs'", "+5s", "5.s", ".5s", "'1 s'", "1d", "1h30", "'0x1s'", "2562047h", "3000000h",
           "9223372036854775807ns", "Infinite", "1ns5ns", "1s1h")),
        *(f"flags: {{failOnInitError: {text}}}" for text in
          ("y", "N", "yes", "Off", "True", "TRUE", "tRUE", "t", "1", "'yes'", "!!bool on", "!!str true")),
        *(f"sharing: {{timeSlicing: {{resources: [{{name: {name}, replicas: 2}}]}}}}" for name in
          ("a" * 52, "a" * 53, "a.b", "a..b", "-a", "a/b", "nvidia.com/nvidia.com/a", "nvidia.com", "a_b",
           "é")),
        *(f"sharing: {{timeSlicing: {{resources: [{{name: gpu, replicas: 2, devices: {devices}}}]}}}}"
          for devices in
          ("['18446744073709551616']", "['18446744073709551615']", "[18446744073709551615]", "[1e3]",
           "[' 1']",
           "['+1']", "['1:2']", "['1:']", "['{b1028956-cfa2-0990-bf4a-5da9abb51763}']", "9223372036854775807",
           "['GPU-{b1028956-cfa2-0990-bf4a-5da9abb51763}']", "[GPU-b1028956cfa20990bf4a5da9abb51763]",
           "['GPU-urn:uuid:b1028956-cfa2-0990-bf4a-5da9abb51763']",
           "[MIG-b1028956-cfa2-0990-bf4a-5da9abb51763]",
           "[MIG-GPU-b1028956-cfa2-0990-bf4a-5da9abb51763/3/0]",
           "[MIG-GPU-b1028956-cfa2-0990-bf4a-5da9abb51763/3]")),
    ],
)  # fmt: skip
def test_oddities_are_read_as_the_original_reads_them(text: str) -> None:
    compare(text)
