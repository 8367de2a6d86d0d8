from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gfd.clusterview.label_writers import LabelWriter, find_label_writers


def entry(manager: str, time: str, *keys: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {".": {}, **{f"f:{key}": {} for key in keys}}}}
    return {
        "manager": manager,
        "operation": "Update",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def test_the_latest_writer_comes_first() -> None:
    managed = [
        entry("kubelet", "2026-01-09T00:00:00Z", "kubernetes.io/hostname"),
        entry("nfd-master", "2026-01-01T00:00:00Z", "nvidia.com/gpu.product"),
        entry("gfd", "2026-01-03T00:00:00Z", "nvidia.com/gpu.count"),
        entry("nfd-master", "2026-01-02T00:00:00Z", "nvidia.com/gfd.timestamp"),
        entry("gpu-operator", "2026-01-08T00:00:00Z", "nvidia.com/gpu.present"),
    ]
    assert find_label_writers({"managedFields": managed}) == (
        LabelWriter(manager="gfd", at=datetime(2026, 1, 3, tzinfo=UTC)),
        LabelWriter(manager="nfd-master", at=datetime(2026, 1, 2, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    "managed",
    [
        None,
        [],
        "x",
        ["x", 1, None],
        [
            {
                "manager": "gfd",
                "time": None,
                "fieldsV1": {"f:metadata": {"f:labels": {"f:nvidia.com/gpu.count": {}}}},
            }
        ],
        [{"manager": "gfd", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:metadata": ["f:labels"]}}],
        [{"manager": "gfd", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:status": {}}}],
        *(
            [
                {
                    "manager": "gfd",
                    "time": "2026-01-03T00:00:00Z",
                    "fieldsV1": {"f:metadata": {"f:labels": odd}},
                }
            ]
            for odd in (5, True, "f:nvidia.com/gpu.count")
        ),
    ],
)
def test_entries_that_name_no_writer(managed: Any) -> None:
    assert find_label_writers({"managedFields": managed}) == ()
