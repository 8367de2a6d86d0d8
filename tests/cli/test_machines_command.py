"""``gfd machines``."""

from __future__ import annotations

import json

import pytest

from tests.cli import Gfd
from tests.tools import goldens


def test_all_machines(gfd: Gfd, request: pytest.FixtureRequest) -> None:
    code, out, err = gfd("machines")
    assert (code, err) == (0, "")
    goldens.check(request, "machines", out)


def test_search(gfd: Gfd) -> None:
    code, out, _ = gfd("machines", "--search", "H100 azure")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "NAME",
        "Standard_NC40ads_H100_v5",
        "Standard_NC80adis_H100_v5",
        "Standard_ND96isr_H100_v5",
    ]
    # People know the clouds by these names.
    assert "g6.xlarge" in gfd("machines", "--search=aws l4")[1]
    assert "g2-standard-4" in gfd("machines", "--search=gcp l4")[1]
    # A product with dashes, as in the label.
    assert "p4de.24xlarge" in gfd("machines", "--search=nvidia-a100-sxm4-80gb")[1]
    assert "h200" in gfd("machines", "--search=real machine")[1]
    unknown = "no machine has 'h300' in its name, its GPUs or its description"
    assert gfd("machines", "--search=h300") == (
        1,
        "",
        f"gfd: {unknown}; gfd machines lists all of them\n",
    )


def test_json(gfd: Gfd) -> None:
    code, out, _ = gfd("machines", "--search=g6e.xlarge", "-o", "json")
    assert (code, json.loads(out)) == (
        0,
        {
            "machines": [
                {
                    "name": "g6e.xlarge",
                    "gpus": [
                        {
                            "name": "NVIDIA L40S",
                            "count": 1,
                            "memory_mib": 46068,
                            "mig_devices": 0,
                            "mig_source": None,
                        }
                    ],
                    "cpus": 4,
                    "memory_gib": 32,
                    "source": "cloud's documentation",
                    "description": "Amazon EC2 (AWS)",
                }
            ]
        },
    )
    (spark,) = json.loads(gfd("machines", "--search=dgx-spark", "-o=json")[1])["machines"]
    assert (spark["gpus"][0]["memory_mib"], spark["cpus"], spark["memory_gib"]) == (None, None, None)
