"""Explanations of all labels: the table, JSON and the catalog."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.make import mig, mig_gpu
from tests.tools.explain.command import DOC, Explain, save

pytestmark = pytest.mark.whole


def test_a_line_for_each_label(explain: Explain) -> None:
    expected = """\
label         value  unit           meaning
vgpu.present  false  true or false  Whether the node is a vGPU guest.
"""
    assert explain("--simulate", "no-gpu", "--no-timestamp") == (0, expected, "")
    _, out, _ = explain(*DOC)
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        key.removeprefix("nvidia.com/") for key in labels(*DOC)
    ]


def labels(*arguments: str) -> list[str]:
    run = subprocess.run(
        (sys.executable, "-m", "gfd", "dump", *arguments), capture_output=True, text=True, check=True
    )
    return [line.partition("=")[0] for line in run.stdout.splitlines()]


@pytest.mark.parametrize("strategy", ["none", "single", "mixed"])
def test_every_label_has_a_complete_explanation(explain: Explain, strategy: str) -> None:
    for machine, layout in (
        ("dgx-h100", "all-disabled"),
        ("a30", "all-balanced"),
        ("mixed-models", "all-disabled"),
    ):
        arguments = (
            "--simulate",
            machine,
            "--mig",
            layout,
            "--mig-strategy",
            strategy,
            "--extra-labels",
            "all",
        )
        code, out, err = explain(*arguments, "-o", "json")
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert [each["key"] for each in found] == labels(*arguments)
        for each in found:
            assert each["value"] is not None
            assert each["unit"]
            assert each["meaning"]
            assert len(each["places"]) == 1
            assert each["parts"], each
            for part in each["parts"]:
                assert part["sources"], part
                assert part["readings"], part
            is_of_none = each["key"].endswith(("full", "mig-enabled", "mig.count")) and each["value"] == "0"
            is_of_node = re.match(
                r"nvidia\.com/(gfd|cuda|vgpu|gpu\.machine|gpu\.count\.failed|mig\.strategy)", each["key"]
            )
            assert bool(each["members"]) == (not is_of_none and not is_of_node), each


def test_json(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, mig_gpu(0, mig_devices=(mig(2, uuid="MIG-a", gi_id=7, ci_id=0),)))
    code, out, err = explain(
        "gpu.slices.gi", "gpu.produt", "--mig-strategy=single", "--inventory", path, "-o", "json"
    )
    assert (code, err) == (
        1,
        "gfd: gfd does not write nvidia.com/gpu.produt (did you mean nvidia.com/gpu.product?)\n",
    )
    nothing: dict[str, Any] = {
        "value": None,
        "unit": "",
        "meaning": "",
        "places": [],
        "parts": [],
        "members": [],
        "holders": None,
    }
    seen_on = f"the snapshot {path}"
    assert json.loads(out) == [
        {
            "key": "nvidia.com/gpu.slices.gi",
            "value": "1",
            "unit": "slices",
            "meaning": "Compute slices of a MIG device's GPU instance.",
            "places": [
                {
                    "template": "_resources.j2",
                    "line": 39,
                    "source": "{{ key }}.slices.gi={{ resource.gi_slices }}",
                    "when": "with a GPU, for MIG devices",
                    "reason": "",
                }
            ],
            "parts": [
                {
                    "name": "MigDevice.gi_slices",
                    "unit": "slices",
                    "sources": ["nvmlDeviceGetAttributes_v2"],
                    "readings": [{"value": "1", "devices": ["GPU 0 MIG 2"]}],
                    "failures": [],
                }
            ],
            "members": [
                {"gpu": 0, "pci_address": "0000:00:00.0", "mig": 2, "gi": 7, "ci": 0, "uuid": "MIG-a"}
            ],
            "holders": None,
            "owner": "",
            "nearest": "",
            "seen_on": seen_on,
        },
        {
            "key": "nvidia.com/gpu.produt",
            **nothing,
            "owner": "",
            "nearest": "nvidia.com/gpu.product",
            "seen_on": seen_on,
        },
    ]


def test_the_catalog(explain: Explain) -> None:
    code, out, err = explain("--catalog", GFD_SIMULATE="no such machine")
    assert (code, err) == (0, "")
    rows = [re.split("  +", line) for line in out.splitlines()]
    assert rows[0] == ["label", "unit", "when", "meaning"]
    assert rows[1] == [
        "gfd.timestamp",
        "Unix seconds",
        "without --no-timestamp",
        "When the configuration was loaded; it stays the same from cycle to cycle.",
    ]
    assert len(rows) > 60
    expected = """\
nvidia.com/<resource>.slices.ci
  Compute slices of the MIG device itself.
  unit        slices
  written by  _resources.j2, line 41: {{ key }}.slices.ci={{ resource.ci_slices }}
  when        with a GPU, for MIG devices
  made from   MigDevice.ci_slices in slices, from nvmlDeviceGetAttributes_v2

nvidia.com/<resource>.memory
  Memory of one GPU or MIG device; 0 if the MIG layout is invalid.
  unit        MiB
  written by  _resources.j2, line 22: {{ key }}.memory={{ resource.memory_mib }}
  when        with a GPU, if the driver reports it
  made from   Gpu.memory_bytes in bytes, from nvmlDeviceGetMemoryInfo
              MigDevice.memory_mib in MiB, from nvmlDeviceGetAttributes_v2
"""
    assert explain("--catalog", "mig-1g.5gb.slices.ci", "gpu.memory") == (0, expected, "")
    code, out, err = explain("--catalog", "gpu.memry")
    assert (code, out) == (1, "")
    assert err == "gfd: gfd does not write nvidia.com/gpu.memry (did you mean nvidia.com/gpu.memory?)\n"
