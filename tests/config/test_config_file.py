"""The device plugin's config file, read as the device plugin reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gfd.config.config_file import ConfigFile, UnknownKey, read
from gfd.errors import ConfigError
from gfd.labels.sharing import SharedResource, Sharing

GPU = SharedResource(name="nvidia.com/gpu", replicas=2)
UUID = "b1028956-cfa2-0990-bf4a-5da9abb51763"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def say(file: Path, text: str) -> ConfigFile:
    file.write_text(text)
    return read(file, origin="CONFIG_FILE")


def texts(file: Path, text: str) -> dict[str, tuple[str, ...]]:
    return {key: value.texts for key, value in say(file, text).values.items()}


def refusal(file: Path, text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        say(file, text)
    return str(refused.value).replace(str(file), "FILE")


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "{}", "null", "---\n", "version: v1", "version:", "version: ''", "version: !!str v1",
     "VERSION: v1", "flags:\nsharing:\nimex:\nresources:\n", "version: v1\n---\nversion: v2\n",
     "version: v2\nversion: v1\n", "{version: v1, VERSION: true}", "\ufeffversion: v1"],
)  # fmt: skip
def test_a_file_that_says_nothing(file: Path, text: str) -> None:
    assert say(file, text) == ConfigFile(
        source=str(file), values={}, sharing=Sharing(), warnings=(), unknown_keys=()
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: v2", "version (FILE:1): expected v1, found the string 'v2'"),
        ("a: 1\nversion: 1", "version (FILE:2): expected v1, found the number 1"),
        ("{VERSION: v2, version: null}", "version (FILE:1): expected v1, found the string 'v2'"),
        ("version: [v1]", "version (FILE:1): expected v1, found a list"),
        ("version: {}", "version (FILE:1): expected v1, found a mapping"),
        ("hello", "the file (FILE:1): expected keys and values, found the string 'hello'"),
        ("[]", "the file (FILE:1): expected keys and values, found a list"),
        ("flags: true", "flags (FILE:1): expected keys and values, found true"),
        ("flags: {gfd: 1.5}", "flags.gfd (FILE:1): expected keys and values, found the number 1.5"),
        (
            "flags:\n  migStrategy: 5",
            "flags.migStrategy (FILE:2): expected a string, found the number 5; put it in quotes",
        ),
        ("flags: {migStrategy: []}", "flags.migStrategy (FILE:1): expected a string, found a list"),
        ("flags: {gfd: {outputFile: no}}", "flags.gfd.outputFile (FILE:1): expected a string, found false"),
        (
            "flags: {gfd: {oneshot: 'true'}}",
            "flags.gfd.oneshot (FILE:1): expected true or false (without quotes), found the string 'true'",
        ),
        ("flags: {gfd: {oneshot: 1}}", "flags.gfd.oneshot (FILE:1): expected true or false"),
        (
            "flags: {gfd: {sleepInterval: true}}",
            "flags.gfd.sleepInterval (FILE:1): expected a duration such as 60s, found true",
        ),
        (
            "flags: {gfd: {sleepInterval: 1m, SLEEPINTERVAL: '60'}}",
            "flags.gfd.sleepInterval (FILE:1): '60' has no unit; did you mean 60s?",
        ),
        ("flags: {gfd: {sleepInterval: [1s]}}", "flags.gfd.sleepInterval (FILE:1): expected a duration"),
        (
            "flags: {gfd: {sink: [stdout, 1]}}",
            "flags.gfd.sink (FILE:1): expected a string or a list of strings, found a list of the string",
        ),
        ("flags: {gfd: {sink: 1}}", "flags.gfd.sink (FILE:1): expected a string or a list of strings"),
        ("flags: {gdsEnabled: 'no'}", "flags.gdsEnabled (FILE:1): expected true or false"),
        ("flags: {plugin: {deviceListStrategy: 1}}", "flags.plugin.deviceListStrategy (FILE:1): expected a"),
        ("imex: {channelIDs: [a]}", "imex.channelIDs (FILE:1): expected a list of whole numbers, found"),
        ("imex: {channelIDs: 0}", "imex.channelIDs (FILE:1): expected a list of whole numbers, found the"),
        ("imex: {channelIDs: [true]}", "imex.channelIDs (FILE:1): expected a list of whole numbers"),
        ("imex: {required: 1}", "imex.required (FILE:1): expected true or false"),
        ("resources: {gpus: 5}", "resources.gpus (FILE:1): expected a list, found the number 5"),
        ("resources: {gpus: [a]}", "resources.gpus[0] (FILE:1): expected keys and values"),
        ("resources: {mig: [{name: a}]}", "resources.mig[0].pattern (FILE:1): is missing"),
        ("resources: {mig: [{pattern: a}]}", "resources.mig[0].name (FILE:1): is missing"),
        (
            "resources: {gpus: [{pattern: 1, name: a}]}",
            "resources.gpus[0].pattern (FILE:1): expected a string",
        ),
        ("resources: {gpus: [{pattern: a, name: }]}", "resources.gpus[0].name (FILE:1): expected a resource"),
    ],
)
def test_what_the_original_refuses_is_refused_with_key_and_line(file: Path, text: str, message: str) -> None:
    assert refusal(file, text).startswith(message)


def test_values_by_key(file: Path) -> None:
    text = """
        flags:
          MIGSTRATEGY: single
          failoninierror: true
          failOnInitError: no
          useNodeFeatureAPI: false
          mpsRoot: /mps
          plugin:
            containerDriverRoot: /driver
            deviceListStrategy: [envvar, null]
            passDeviceSpecs: null
          gfd:
            sleepInterval: 1m30s
            outputFile: ""
            noTimestamp: y
            sink: [stdout, file]
            extraLabels: identity,counts
            labelTtl: 3600000000000
            oneshot: null
        imex: {channelIDs: [0, null], required: true}
        """
    found = say(file, text)
    assert {key: value.texts for key, value in found.values.items()} == {
        "flags.migStrategy": ("single",),
        "flags.failOnInitError": ("false",),
        "flags.useNodeFeatureAPI": ("false",),
        "flags.mpsRoot": ("/mps",),
        "flags.plugin.containerDriverRoot": ("/driver",),
        "flags.plugin.deviceListStrategy": ("envvar",),
        "flags.gfd.sleepInterval": ("1m30s",),
        "flags.gfd.outputFile": ("",),
        "flags.gfd.noTimestamp": ("true",),
        "flags.gfd.sink": ("stdout", "file"),
        "flags.gfd.extraLabels": ("identity,counts",),
        "flags.gfd.labelTtl": ("3600000000000ns",),
        "imex.channelIDs": ("0", "0"),
        "imex.required": ("true",),
    }
    assert found.values["flags.migStrategy"].line == 3
    assert found.values["flags.gfd.outputFile"].line == 14
    assert found.warnings == ()
    assert found.unknown_keys == (
        UnknownKey(path="flags.failoninierror", line=4, hint="; did you mean failOnInitError?"),
    )


def test_json_may_be_indented_with_tabs(file: Path) -> None:
    text = '{\n\t"version":\t"v1",\n\t"flags": {\n\t\t"migStrategy": "mixed"\n\t}\n}\n'
    assert say(file, text).values["flags.migStrategy"].line == 4


def test_of_two_spellings_the_later_in_the_order_of_bytes_wins(file: Path) -> None:
    assert texts(file, "flags: {migStrategy: mixed, MIGSTRATEGY: single}") == {
        "flags.migStrategy": ("mixed",)
    }
    assert texts(file, "flags: {migStrategy: null, MIGSTRATEGY: single}") == {}
    assert texts(file, "flags: {gfd: {oneshot: y}}\nFLAGS: {migStrategy: none}") == {
        "flags.migStrategy": ("none",),
        "flags.gfd.oneshot": ("true",),
    }


@pytest.mark.parametrize(
    ("number", "text", "is_warned"),
    [("60", "60ns", True), ("1.9", "1ns", True), ("60_000_000_000", "60000000000ns", False),
     ("0", "0ns", False), ("-5", "-5ns", False), ("'60s'", "60s", False), ("'off'", "off", False)],
)  # fmt: skip
def test_a_number_is_nanoseconds(file: Path, number: str, text: str, is_warned: bool) -> None:
    found = say(file, f"flags:\n  gfd:\n    sleepInterval: {number}\n")
    assert found.values["flags.gfd.sleepInterval"].texts == (text,)
    warning = f"{file}:3: flags.gfd.sleepInterval is {text}: a number counts nanoseconds; write a unit"
    assert found.warnings == ((warning,) if is_warned else ())


@pytest.mark.parametrize(
    ("text", "sharing"),
    [
        ("mps: null", Sharing()),
        (
            "timeSlicing: {resources: [{name: gpu, replicas: 2}]}",
            Sharing(strategy="time-slicing", resources=(GPU,)),
        ),
        (
            "mps: {resources: [{name: nvidia.com/gpu, replicas: 2.0}], renameByDefault: yes}",
            Sharing(strategy="mps", resources=(GPU,), is_renamed=True),
        ),
        (
            "MPS: {resources: [{name: gpu, replicas: 2}]}\n  mps: null",
            Sharing(),
        ),
        (
            """timeSlicing: {resources: [{name: mig-1g.5gb, replicas: 0x10}], renameByDefault: true}
  mps: {resources: [{name: gpu, replicas: 2}], failRequestsGreaterThanOne: false}""",
            Sharing(strategy="mps", resources=(GPU,)),
        ),
        (
            "timeSlicing: {resources: [{name: gpu, replicas: 2}], renameByDefault: null}\n  mps: null",
            Sharing(strategy="time-slicing", resources=(GPU,)),
        ),
        (
            "timeSlicing: {resources: [{name: gpu, replicas: 2}, {name: gpu, replicas: 3}]}",
            Sharing(
                strategy="time-slicing", resources=(GPU, SharedResource(name="nvidia.com/gpu", replicas=3))
            ),
        ),
        (
            f"timeSlicing: {{resources: [{{name: {'a' * 52}, replicas: 2}}]}}",
            Sharing(
                strategy="time-slicing",
                resources=(SharedResource(name="nvidia.com/" + "a" * 52, replicas=2),),
            ),
        ),
    ],
)
def test_sharing(file: Path, text: str, sharing: Sharing) -> None:
    found = say(file, f"sharing:\n  {text}\n")
    assert found.sharing == sharing
    assert found.warnings == ()
    assert found.unknown_keys == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timeSlicing: null", "sharing.timeSlicing (FILE:2): shares no resources; list at least one"),
        ("timeSlicing: {}", "sharing.timeSlicing (FILE:2): shares no resources"),
        ("timeSlicing: 5", "sharing.timeSlicing (FILE:2): expected keys and values, found the number 5"),
        ("mps: {}", "sharing.mps (FILE:2): shares no resources"),
        ("mps: {resources: null}", "sharing.mps (FILE:2): shares no resources"),
        ("mps: {Resources: [{name: gpu, replicas: 2}]}", "sharing.mps (FILE:2): shares no resources"),
        ("mps: {resources: {}}", "sharing.mps.resources (FILE:2): expected a list, found a mapping"),
        ("mps: {resources: [null]}", "sharing.mps.resources[0] (FILE:2): expected keys and values, found"),
        ("mps: {resources: [{}]}", "sharing.mps.resources[0].name (FILE:2): is missing"),
        ("mps: {renameByDefault: 1}", "sharing.mps.renameByDefault (FILE:2): expected true or false"),
        (
            "mps: {failRequestsGreaterThanOne: x}",
            "sharing.mps.failRequestsGreaterThanOne (FILE:2): expected true or false",
        ),
        (
            "mps: {resources: [{name: gpu}]}",
            "sharing.mps.resources[0].replicas (FILE:2): is missing; a shared resource has name and replicas",
        ),
        (
            "mps:\n    resources:\n    - name: gpu\n      replicas: 1",
            "sharing.mps.resources[0].replicas (FILE:5): expected a whole number of at least 2, found the",
        ),
        (
            "timeSlicing: {resources: [{name: a, replicas: 1}]}\n  mps: {resources: [{}]}",
            "sharing.mps.resources[0].name (FILE:3): is missing",
        ),
    ]
    + [
        (
            f"mps: {{resources: [{{name: gpu, replicas: {replicas}}}]}}",
            f"sharing.mps.resources[0].replicas (FILE:2): expected a whole number of at least 2, {found}",
        )
        for replicas, found in (
            ("null", "found nothing"), ("true", "found true"), ("'2'", "found the string '2'"),
            ("2.5", "found the number 2.5"), ("9223372036854775808", "found the number 92233720"),
        )
    ]
    + [
        (
            f"mps: {{resources: [{{name: {name}, replicas: 2}}]}}",
            f"sharing.mps.resources[0].name (FILE:2): expected {expected}",
        )
        for name, expected in (
            ("null", "a resource name such as nvidia.com/gpu, found nothing"),
            ("5", "a resource name such as nvidia.com/gpu, found the number 5"),
            ("GPU", "a resource name such as nvidia.com/gpu (lower-case"),
            ("amd.com/gpu", "a resource name such as nvidia.com/gpu (lower-case"),
            ("''", "a resource name such as nvidia.com/gpu (lower-case"),
            ("gpu-", "a resource name such as nvidia.com/gpu (lower-case"),
            ('"gpu\\n"', "a resource name such as nvidia.com/gpu (lower-case"),
            ("a" * 53, f"at most 63 characters, found 64: nvidia.com/{'a' * 53}"),
        )
    ]
    + [
        (
            f"mps: {{resources: [{{name: gpu, replicas: 2, devices: {devices}}}]}}",
            "sharing.mps.resources[0].devices (FILE:2): expected all, a count above 0, or a list of",
        )
        for devices in (
            "null", "some", "0", "-1", "1.5", "true", "{}", "[a]", "[-1]", "[1.5]", "[true]", "['0:']",
            "['0:1:2']", "[GPU-1]", f"[{UUID}]", f"[MIG-{UUID}/1/0]", "[MIG-GPU-1/1/0]",
            "92233720368547758080", "['18446744073709551616']",
        )
    ]
    + [
        (
            f"mps: {{resources: [{{name: gpu, replicas: 2, rename: {rename}}}]}}",
            "sharing.mps.resources[0].rename (FILE:2): expected a resource name",
        )
        for rename in ("null", "''", "5", "A")
    ],
)  # fmt: skip
def test_sharing_that_the_original_refuses(file: Path, text: str, message: str) -> None:
    assert refusal(file, f"sharing:\n  {text}\n").startswith(message)


@pytest.mark.parametrize(
    ("rest", "warning"),
    [
        ("devices: all", ""),
        ("devices: 1", "devices is ignored: all devices are shared alike"),
        ("devices: []", "devices is ignored: all devices are shared alike"),
        (
            f"""devices: [0, null, '0', '0:1', GPU-{UUID}, MIG-{UUID}, MIG-GPU-{UUID}/1/0, 'GPU-{{{UUID}}}',
                 GPU-URN:uuid:{UUID}, GPU-{UUID.replace("-", "")}]""",
            "devices is ignored: all devices are shared alike",
        ),
        ("rename: mine", "rename is ignored: renaming is not supported"),
        ("rename: gpu.shared", "rename is ignored: renaming is not supported"),
    ],
)
def test_what_the_original_ignores_is_a_warning(file: Path, rest: str, warning: str) -> None:
    found = say(
        file, f"sharing:\n  timeSlicing:\n    resources:\n    - name: gpu\n      replicas: 2\n      {rest}\n"
    )
    assert found.sharing.resources == (GPU,)
    start = f"{file}:6: sharing.timeSlicing.resources[0]."
    assert found.warnings == ((start + warning,) if warning else ())


def test_the_name_that_renaming_gives_anyway_is_no_reason_to_warn(file: Path) -> None:
    text = (
        "sharing: {mps: {renameByDefault: true, resources: [{name: gpu, replicas: 2, rename: gpu.shared}]}}"
    )
    assert say(file, text).warnings == ()
    assert len(say(file, text.replace("gpu.shared", "other")).warnings) == 1


def test_resources_are_ignored(file: Path) -> None:
    found = say(file, "resources:\n  gpus: []\n  mig: [{pattern: null, name: x, names: y}]\n")
    assert found.warnings == (f"{file}:3: resources.mig is ignored: resources cannot be renamed",)
    assert [unknown.path for unknown in found.unknown_keys] == ["resources.mig[0].names"]


def test_unknown_keys_come_with_what_was_probably_meant(file: Path) -> None:
    text = """version: v1
flags:
  sleepInterval: 5s
  gfd:
    outputfil: x
sharing:
  timeSlicing:
    renamebydefault: true
    resources:
    - {name: gpu, replicas: 2, Replicas: 3}
imex: {whatever: [{}]}
timeSlicing: {}
"""
    assert [(unknown.path, unknown.line, unknown.hint) for unknown in say(file, text).unknown_keys] == [
        ("flags.sleepInterval", 3, "; did you mean flags.gfd.sleepInterval?"),
        ("flags.gfd.outputfil", 5, "; did you mean outputFile?"),
        ("sharing.timeSlicing.renamebydefault", 8, "; did you mean renameByDefault?"),
        ("sharing.timeSlicing.resources[0].Replicas", 10, "; did you mean replicas?"),
        ("imex.whatever", 11, ""),
        ("timeSlicing", 12, "; did you mean sharing.timeSlicing?"),
    ]


SHARING_TEXT = "sharing:\n  timeSlicing:\n    resources:\n    - {name: gpu, replicas: 4}\n"
CONFIG_MAP = """apiVersion: v1
kind: ConfigMap
metadata: {name: plugin}
data:
  config.yaml: |
    version: v1
    flgas: {}
    sharing:
      timeSlicing:
        resources:
        - name: gpu
          replicas: 4
"""


def test_a_config_map_with_one_text_is_taken_for_it(file: Path) -> None:
    found = say(file, CONFIG_MAP)
    assert found.sharing.resources == (SharedResource(name="nvidia.com/gpu", replicas=4),)
    # Lines are those of the file.
    assert [(key.path, key.line) for key in found.unknown_keys] == [("flgas", 7)]
    broken = CONFIG_MAP.replace("replicas: 4", "replicas: 1")
    assert refusal(file, broken).startswith("sharing.timeSlicing.resources[0].replicas (FILE:12): expected")
    assert refusal(file, CONFIG_MAP.replace("flgas: {}", "flgas: [")).startswith(
        "--config-file (FILE:9): is not"
    )
    assert refusal(file, CONFIG_MAP.replace("- name: gpu", "- name: [")).startswith(
        "--config-file (FILE:12): is"
    )


def test_a_config_map_in_json_has_its_text_on_one_line(file: Path) -> None:
    tree = {"kind": "ConfigMap", "data": {"a": SHARING_TEXT + "flgas: 1\n"}}
    found = say(file, json.dumps(tree, indent=1))
    assert found.sharing.resources == (SharedResource(name="nvidia.com/gpu", replicas=4),)
    assert [key.line for key in found.unknown_keys] == [4]
    assert refusal(file, json.dumps(tree, indent=1).replace("4}", "1}")).startswith(
        "sharing.timeSlicing.resources[0].replicas (FILE:4): expected a whole number"
    )


def test_a_config_map_whose_data_was_merged_in(file: Path) -> None:
    text = f"x: &x\n  data: {{a: {json.dumps(SHARING_TEXT)}}}\nkind: ConfigMap\n<<: *x\n"
    assert say(file, text).sharing.resources[0].replicas == 4


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("kind: ConfigMap\n", 1, "is a ConfigMap without data; pass the text of a configuration"),
        ("kind: ConfigMap\ndata: {}", 1, "is a ConfigMap without data; pass the text of a configuration"),
        ("kind: ConfigMap\ndata: [a]", 1, "is a ConfigMap without data; pass the text of a configuration"),
        ("kind: ConfigMap\nbinaryData: {a: YQ==}", 1, "is a ConfigMap without data; pass the text of a"),
        (
            "kind: ConfigMap\ndata: {a: 5}",
            2,
            "is a ConfigMap whose data.a is not a string; pass the text of a",
        ),
        (
            "data: {a.yaml: x, b: y}\nkind: ConfigMap",
            2,
            (
                "is a ConfigMap with several keys: a.yaml, b; pass the text of a configuration of one of"
                " them: kubectl get configmap NAME -o go-template='{{index .data \"a.yaml\"}}'"
            ),
        ),
        (
            "kind: ConfigMap\nmetadata: {name: c, namespace: m}\ndata: {a: x, b: y}",
            1,
            (
                "is a ConfigMap with several keys: a, b; pass the text of a configuration of one of them: "
                "kubectl get configmap -n m c -o go-template='{{index .data \"a\"}}'"
            ),
        ),
        (
            "apiVersion: v1\nkind: List\nitems: [{kind: ConfigMap}, {}]",
            2,
            "is a Kubernetes List of 2 objects; pass the text of a configuration, or one ConfigMap with it",
        ),
        (
            "apiVersion: v1\nkind: Pod",
            2,
            "is a Kubernetes Pod; pass the text of a configuration, or a ConfigMap",
        ),
        ("apiVersion: v1\nkind: [x]", 2, "is a Kubernetes object; pass the text of a configuration, or a"),
        (
            "kind: ConfigMap\ndata:\n  a: |\n    kind: ConfigMap\n",
            4,
            "is a ConfigMap that holds another Kubernetes object",
        ),
    ],
)
def test_what_kubernetes_object_it_is(file: Path, text: str, line: int, reason: str) -> None:
    assert refusal(file, text).startswith(f"--config-file (FILE:{line}): {reason}")


def test_a_kind_alone_is_an_unknown_key(file: Path) -> None:
    assert [key.path for key in say(file, "kind: x\n").unknown_keys] == ["kind"]


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("flags: {renameByDefault: true}", "flags.renameByDefault", "sharing.timeSlicing.renameByDefault"),
        ("flags: {sharing: {}}", "flags.sharing", "sharing, at the top level"),
        ("sharing: {resources: []}", "sharing.resources", "sharing.timeSlicing.resources"),
        ("sharing: {renamebydefault: y}", "sharing.renamebydefault", "sharing.timeSlicing.renameByDefault"),
        ("timeSlicing: {x: 1}", "timeSlicing", "sharing.timeSlicing"),
        ("mps: {}", "mps", "sharing.mps"),
        ("replicas: 2", "replicas", "sharing.timeSlicing.resources[].replicas"),
        ("migstrategy: single", "migstrategy", "flags.migStrategy"),
        ("migStratgy: single", "migStratgy", "flags.migStrategy"),
        ("gfd: {}", "gfd", "flags.gfd"),
        ("flags: {imex: {}}", "flags.imex", "imex, at the top level"),
        ("flags: {resources: {}}", "flags.resources", "resources, at the top level"),
        ("flags: {resources: [{}]}", "flags.resources", "sharing.timeSlicing.resources"),
        ("flags: {version: v1}", "flags.version", "version, at the top level"),
        ("pattern: x", "pattern", "resources.gpus[].pattern"),
        ("flgas: {}", "flgas", "flags"),
    ],
)
def test_a_misplaced_key_is_told_its_place(file: Path, text: str, path: str, hint: str) -> None:
    (key, *_) = say(file, text).unknown_keys
    assert (key.path, key.hint) == (path, f"; did you mean {hint}?")


def test_what_is_in_a_misplaced_section_is_told_its_place_too(file: Path) -> None:
    keys = say(file, "timeSlicing:\n  replicas: 4\n  renameByDefault: true\n").unknown_keys
    assert [(key.path, key.line, key.hint) for key in keys] == [
        ("timeSlicing", 1, "; did you mean sharing.timeSlicing?"),
        ("timeSlicing.replicas", 2, "; did you mean sharing.timeSlicing.resources[].replicas?"),
    ]


def test_misplaced_keys_of_sharing(file: Path) -> None:
    shared = (
        "sharing:\n  mps:\n    resources:\n    - name: gpu\n      replicas: 2\n      renameByDefault: true\n"
    )
    assert [(key.path, key.line, key.hint) for key in say(file, shared).unknown_keys] == [
        ("sharing.mps.resources[0].renameByDefault", 6, "; did you mean sharing.mps.renameByDefault?")
    ]
    assert refusal(file, "sharing: {timeSlicing: {replicas: 4}}") == (
        "sharing.timeSlicing (FILE:1): shares no resources; list at least one, or remove the section;"
        " replicas belongs into an item of sharing.timeSlicing.resources"
    )
    assert refusal(file, "resources: [{name: gpu, replicas: 4}]") == (
        "resources (FILE:1): expected keys and values, found a list; did you mean"
        " sharing.timeSlicing.resources?"
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as missing:
        read(tmp_path / "none", origin="CONFIG_FILE")
    assert str(missing.value) == (
        f"--config-file (CONFIG_FILE): cannot read {tmp_path / 'none'}: No such file or directory"
    )
    with pytest.raises(ConfigError, match="Is a directory"):
        read(tmp_path)


def test_bytes_that_are_no_text_are_refused(file: Path) -> None:
    file.write_bytes(b"version: \xff\xfe\xfa\n")
    with pytest.raises(ConfigError) as refused:
        read(file)
    assert str(refused.value) == (f"--config-file ({file}:1): is not valid YAML: it is not text in UTF-8")


@pytest.mark.parametrize("origin", ["command line", "CONFIG_FILE"])
def test_a_file_that_has_no_end_is_refused(file: Path, origin: str) -> None:
    file.write_text("#" * (1 << 20) + "\n")
    with pytest.raises(ConfigError) as refused:
        read(file, origin=origin)
    place = file if origin == "command line" else origin
    assert str(refused.value) == f"--config-file ({place}): cannot read {file}: it holds more than 1 MiB"


def test_merges_of_merges_are_refused_before_they_fill_the_memory(file: Path) -> None:
    lines = ["a0: &a0 {k0: 0}"] + [f"a{i}: &a{i} {{<<: *a{i - 1}, k{i}: 0}}" for i in range(1, 10_000)]
    assert refusal(file, "\n".join(lines)) == (
        "--config-file (FILE:1001): is too large: it uses its anchors again and again"
    )


def test_no_line_is_told_that_the_file_does_not_have(file: Path) -> None:
    assert refusal(file, "a:\n  b: [").startswith("--config-file (FILE:2): is not valid YAML")
    assert refusal(file, "a:\n  b: [\n").startswith("--config-file (FILE:2): is not valid YAML")


@pytest.mark.parametrize("digits", [20, 5000, 500_000])
def test_a_number_without_end_is_no_number(file: Path, digits: int) -> None:
    """Python refuses to read a number of more than 4,300 digits."""
    number = "9" * digits
    sharing = f"sharing: {{mps: {{resources: [{{name: gpu, replicas: {number}}}]}}}}"
    said = refusal(file, sharing)
    assert said.startswith(
        "sharing.mps.resources[0].replicas (FILE:1): expected a whole number of at least 2"
    )
    assert len(said) < 250
    said = refusal(file, f"flags: {{gfd: {{sleepInterval: {number}s}}}}")
    assert said.startswith("flags.gfd.sleepInterval (FILE:1): '99999999999999999999")
    assert len(said) < 250
    devices = f"sharing: {{mps: {{resources: [{{name: gpu, replicas: 2, devices: ['{number}']}}]}}}}"
    assert refusal(file, devices).startswith("sharing.mps.resources[0].devices (FILE:1): expected all")


def test_not_every_unknown_key_is_told(file: Path) -> None:
    found = say(file, "".join(f"key{number:03}: 1\n" for number in range(200)))
    assert len(found.unknown_keys) == 50
    assert found.warnings == (f"{file}:51: there are more than 50 unknown keys; is this a configuration?",)
