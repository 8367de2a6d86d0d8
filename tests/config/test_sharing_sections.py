"""The sections sharing and resources of a config file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.labels.sharing import SharedResource, Sharing
from tests.config import read_config, read_error

GPU = SharedResource(name="nvidia.com/gpu", replicas=2)


UUID = "b1028956-cfa2-0990-bf4a-5da9abb51763"


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
    found = read_config(file, f"sharing:\n  {text}\n")
    assert found.sharing == sharing
    assert found.warnings == ()
    assert found.unknown_keys == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timeSlicing: null", "sharing.timeSlicing (FILE:2): shares no resources; list at least one"),
        ("timeSlicing: {}", "sharing.timeSlicing (FILE:2): shares no resources"),
        ("timeSlicing: 5", "sharing.timeSlicing (FILE:2): expected a mapping, found the number 5"),
        ("mps: {}", "sharing.mps (FILE:2): shares no resources"),
        ("mps: {resources: null}", "sharing.mps (FILE:2): shares no resources"),
        ("mps: {Resources: [{name: gpu, replicas: 2}]}", "sharing.mps (FILE:2): shares no resources"),
        ("mps: {resources: {}}", "sharing.mps.resources (FILE:2): expected a list, found a mapping"),
        ("mps: {resources: [null]}", "sharing.mps.resources[0].name (FILE:2): is missing; a shared"),
        ("mps: {resources: [{}]}", "sharing.mps.resources[0].name (FILE:2): is missing"),
        ("mps: {renameByDefault: 1}", "sharing.mps.renameByDefault (FILE:2): expected true or false"),
        (
            "mps: {failRequestsGreaterThanOne: x}",
            "sharing.mps.failRequestsGreaterThanOne (FILE:2): expected true or false",
        ),
        (
            "mps: {resources: [{name: gpu}]}",
            "sharing.mps.resources[0].replicas (FILE:2): is missing; a shared resource needs name and",
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
def test_errors_in_sharing(file: Path, text: str, message: str) -> None:
    assert read_error(file, f"sharing:\n  {text}\n").startswith(message)


@pytest.mark.parametrize(
    ("rest", "warning"),
    [
        ("devices: all", ""),
        ("devices: 1", "devices is ignored, since all devices are shared alike"),
        ("devices: []", "devices is ignored, since all devices are shared alike"),
        (
            f"""devices: [0, null, '0', '0:1', GPU-{UUID}, MIG-{UUID}, MIG-GPU-{UUID}/1/0, 'GPU-{{{UUID}}}',
                 GPU-URN:uuid:{UUID}, GPU-{UUID.replace("-", "")}]""",
            "devices is ignored, since all devices are shared alike",
        ),
        ("rename: mine", "rename is ignored, since renaming is not supported"),
        ("rename: gpu.shared", "rename is ignored, since renaming is not supported"),
    ],
)
def test_ignored_values_are_warnings(file: Path, rest: str, warning: str) -> None:
    found = read_config(
        file, f"sharing:\n  timeSlicing:\n    resources:\n    - name: gpu\n      replicas: 2\n      {rest}\n"
    )
    assert found.sharing.resources == (GPU,)
    start = f"{file}:6: sharing.timeSlicing.resources[0]."
    assert found.warnings == ((start + warning,) if warning else ())


def test_no_warning_about_the_default_name(file: Path) -> None:
    text = (
        "sharing: {mps: {renameByDefault: true, resources: [{name: gpu, replicas: 2, rename: gpu.shared}]}}"
    )
    assert read_config(file, text).warnings == ()
    assert len(read_config(file, text.replace("gpu.shared", "other")).warnings) == 1


def test_resources_are_ignored(file: Path) -> None:
    found = read_config(file, "resources:\n  gpus: []\n  mig: [{pattern: null, name: x, names: y}]\n")
    assert found.warnings == (f"{file}:3: resources.mig is ignored, since resources cannot be renamed",)
    assert [unknown.path for unknown in found.unknown_keys] == ["resources.mig[0].names"]
