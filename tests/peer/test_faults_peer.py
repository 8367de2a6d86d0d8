"""The original against the table of faults, and where no right to see MIG is: whole label sets.

Where the table wants something else of gfd than the original does, it says why here.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest

from gfd.simulation import machines

# This import skips the module where there is no original.
from tests.peer.test_peer import FAILED, Bench, Outcome
from tests.probe.test_faults import (
    HARMLESS,
    LEFT_OUT,
    MIG_TABLE,
    NO_CLIQUE,
    STRATEGIES,
    TABLE,
    UNSEEN,
    Trial,
    all_machines,
    expect,
    read,
)
from tests.probe.test_faults import Outcome as Labels
from tests.standin import Fault, Standin, from_inventory
from tests.standin.random_machines import Case

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow

CODES = (3, 4, 999)
"""One of each kind: an unknown question, a refusal, what is broken."""
GONE = 6

FAILS_THERE = {
    LEFT_OUT: "one GPU that fails fails the node there",
    NO_CLIQUE: "a fabric that cannot be read fails the node there",
    UNSEEN: "it fails as well",
}
ANY_QUESTION = ("nvmlDeviceGetGpuInstanceProfileInfo", "nvmlGpuInstanceGetComputeInstanceProfileInfo")
"""What it asks each MIG device for, where gfd remembers what the first GPU of a model told."""


def case(machine: Standin, strategy: str) -> Case:
    return Case(seed=0, standin=machine, strategy=strategy, config="version: v1\n", machine_type=None)


def comparable(outcome: Outcome) -> Outcome:
    """Without what is read of this machine, whatever it is."""
    lines = {line for line in outcome.lines if not line.startswith("nvidia.com/vgpu.")}
    return replace(outcome, lines=frozenset(lines))


def as_outcome(labels: Labels) -> Outcome:
    if isinstance(labels, str):
        return FAILED
    lines = frozenset(f"{key}={value}" for key, value in labels.items())
    return comparable(Outcome(exit_code=0, lines=lines))


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Labels]]:
    """The labels of machines without a fault, on a host that knows none of the GPUs."""
    return read(tmp_path_factory.mktemp("healthy"), all_machines([]), pci=())


@pytest.mark.parametrize(
    ("function", "is_mig"), [*((name, False) for name in TABLE), *((name, True) for name in MIG_TABLE)]
)
def test_the_original_agrees_or_fails(
    tmp_path: Path, healthy: dict[str, dict[str, Labels]], function: str, is_mig: bool
) -> None:
    bench = Bench(folder=tmp_path)
    row = (MIG_TABLE if is_mig else TABLE)[function]
    codes = (4,) if row == HARMLESS else (*CODES, GONE) if row.gone else CODES
    tried = [Trial(function=function, is_mig=is_mig, code=code, gpu=1) for code in codes]
    for trial, strategy in product(tried, STRATEGIES):
        theirs = comparable(bench.theirs(case(trial.machine, strategy)))
        fails_there = trial.row.outcome(strategy, trial.code, trial.gpu) in FAILS_THERE or (
            function in ANY_QUESTION and strategy != "none"
        )
        wanted = FAILED if fails_there else as_outcome(expect(trial, strategy, healthy))
        assert (str(trial), strategy, theirs) == (str(trial), strategy, wanted)


REFUSED = Fault(function="nvmlDeviceGetMemoryInfo", mig=-1, error=4)
HIDDEN = Fault(function="nvmlDeviceGetMigDeviceHandleByIndex", error=6)


@pytest.mark.parametrize(
    ("enabled", "is_hidden", "strategy", "differs"),
    [
        (enabled, is_hidden, strategy, is_hidden and strategy == "mixed")
        for enabled in ((2, 3), (0, 1), (0, 1, 2, 3))
        for is_hidden in (False, True)
        for strategy in STRATEGIES
    ],
)
def test_no_right_to_see_mig(
    tmp_path: Path, enabled: tuple[int, ...], is_hidden: bool, strategy: str, differs: bool
) -> None:
    """Four A100, some in MIG mode, with and without MIG devices that can be seen.

    Under mixed, where none can be seen, the original says nothing of MIG; gfd says that it must not see it.
    """
    off, divided = machines.read("dgx-a100").gpus[:4], machines.read("dgx-a100", "all-1g.5gb").gpus
    gpus = tuple(divided[gpu.index] if gpu.index in enabled else gpu for gpu in off)
    faults = [replace(fault, gpu=gpu) for gpu in enabled for fault in (REFUSED, HIDDEN)[: 1 + is_hidden]]
    found = machines.read("dgx-a100")._replace(gpus=gpus)
    machine = replace(from_inventory(found), faults=tuple(faults))
    bench = Bench(folder=tmp_path)
    ours, theirs = (run(case(machine, strategy)) for run in (bench.ours, bench.theirs))
    assert ours == (FAILED if differs else theirs)
    assert theirs.exit_code == (
        strategy != "none" and not is_hidden and not (strategy == "single" and len(enabled) < 4)
    )
