from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.errors import MalformedAnswer
from gfd.inventory.snapshot import to_plain
from gfd.worker.result import CycleResult, from_plain

RESULT = CycleResult(
    labels={"nvidia.com/gpu.count": "1"},
    gpus=1,
    failed_gpus={"3": "nvmlDeviceGetName on GPU 3 failed"},
    failed_cards={"3": {"pci_address": "0000:03:00.0", "uuid": None}},
    unknown_memory="GPU 1",
    mig_devices={"1g.5gb": 7},
    missing_driver="no library",
    has_hardware=False,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_a_result_survives_the_round_trip() -> None:
    assert from_plain(to_plain(RESULT)) == RESULT
    assert set(CycleResult._fields) == to_plain(RESULT).keys()
    assert from_plain({"labels": {}, "missing_driver": None}) == CycleResult(labels={})


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": None},
        {"labels": {"a": 1}},
        {"gpus": -1},
        {"gpus": True},
        {"gpus": "1"},
        {"failed_gpus": {"x": "reason"}},
        {"failed_gpus": {"1": None}},
        {"failed_gpus": {"x": ""}, "failed_cards": {"x": {}}},
        {"failed_cards": {}},
        {"failed_cards": {"3": {"uuid": 1}}},
        {"unknown_memory": None},
        {"mig_devices": {"1g.5gb": "7"}},
        {"missing_driver": 1},
        {"has_hardware": 0},
        {"more": 1},
    ],
    ids=str,
)
def test_a_field_of_the_wrong_type_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(
        MalformedAnswer, match="sent a malformed answer; the driver's library may have written"
    ):
        from_plain({**to_plain(RESULT), **changed})


@given(JSON | st.dictionaries(st.sampled_from(sorted(to_plain(RESULT))), JSON))
def test_rubbish_raises_only_malformed_answer(plain: Any) -> None:
    try:
        assert isinstance(from_plain(plain), CycleResult)
    except MalformedAnswer:
        assert plain != to_plain(RESULT)
