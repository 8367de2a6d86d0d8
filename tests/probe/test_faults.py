"""Labels when an NVML function fails: every function, with every error, on each of two GPUs in MIG mode.

The table has the expected result by function and MIG strategy: an error, or a machine without the fault that
has the same labels. ``tests/peer/test_faults_peer.py`` compares the original with the same table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import pytest

from gfd.errors import GfdError
from gfd.labels.requirements import KERNEL_LOG_ADVICE, MIG_ADVICE
from gfd.labels.resources import resolve
from gfd.labels.templates import Templates
from tests import standin
from tests.probe.boards import PAIR, PAIR_STANDIN
from tests.probe.failures import GPU_FUNCTIONS, MIG_FUNCTIONS
from tests.probe.reading import TEXTS, Case, read_all
from tests.standin import Fault, Standin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gfd.inventory.model import Gpu, Inventory

STRATEGIES = ("none", "single", "mixed")
TEMPLATES = Templates(())

Outcome = dict[str, str] | str
"""Labels, or the text of an error."""


# ---- Possible results ----

SAME = "the labels of the machine without the fault"
LEFT_OUT = "the labels of the machine without the GPU"
NO_MIG = "the labels of the machine with a GPU that knows no MIG"
EMPTY = "the labels of the machine with a GPU that has no MIG device"
NO_MEMORY = "the same labels without the memory, if it is the GPU's that stands for the model"
NO_MODE = "the same labels with an unknown gpu.mode"
NO_FABRIC = "the same labels; the clique is that of the other GPU"
NO_CLIQUE = "the same labels without the clique"
UNSEEN = "an error that says that the GPU's MIG devices cannot be seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The results of a failing function, for the strategies none, single and mixed."""

    otherwise: tuple[str, str, str]
    """For all errors not listed below."""
    unknown: tuple[str, str, str] | None = None
    """For Not Supported and Function Not Found."""
    gone: tuple[str, str, str] | None = None
    """For Invalid Argument and Not Found."""
    refused: tuple[str, str, str] | None = None
    """For Insufficient Permissions."""
    is_called_once: bool = False
    """Whether the function is called only on the first GPU of a model."""

    def outcome(self, strategy: str, code: int, gpu: int) -> str:
        """Return the result for error ``code`` on the first or second GPU."""
        if self.is_called_once and gpu > 0:
            return SAME
        special = {
            3: self.unknown,
            13: self.unknown,
            2: self.gone,
            6: self.gone,
            4: self.refused,
        }.get(code)
        return (special or self.otherwise)[STRATEGIES.index(strategy)]


HARMLESS = Row(otherwise=(SAME, SAME, SAME))
LOST = Row(otherwise=(LEFT_OUT, LEFT_OUT, LEFT_OUT))
MIG_FACT = Row(otherwise=(SAME, LEFT_OUT, LEFT_OUT), refused=(SAME, UNSEEN, UNSEEN))

TABLE = {
    "nvmlDeviceGetHandleByIndex": LOST,
    "nvmlDeviceGetName": LOST,
    "nvmlDeviceGetCudaComputeCapability": LOST,
    "nvmlDeviceGetMigMode": replace(LOST, unknown=(NO_MIG, NO_MIG, NO_MIG)),
    "nvmlDeviceGetUUID": HARMLESS,
    "nvmlDeviceGetBrand": HARMLESS,
    "nvmlDeviceGetArchitecture": HARMLESS,
    "nvmlDeviceGetMaxPcieLinkGeneration": HARMLESS,
    "nvmlDeviceGetMaxPcieLinkWidth": HARMLESS,
    "nvmlDeviceGetPowerManagementLimit": HARMLESS,
    "nvmlDeviceGetPowerManagementDefaultLimit": HARMLESS,
    "nvmlDeviceGetNvLinkState": HARMLESS,
    "nvmlDeviceGetP2PStatus": HARMLESS,
    "nvmlDeviceGetPciInfo": Row(otherwise=(NO_MODE, NO_MODE, NO_MODE)),
    "nvmlDeviceGetGpuFabricInfo": Row(
        otherwise=(NO_CLIQUE, NO_CLIQUE, NO_CLIQUE), unknown=(NO_FABRIC, NO_FABRIC, NO_FABRIC)
    ),
    # The name of a MIG profile depends on the memory of the GPU.
    "nvmlDeviceGetMemoryInfo": Row(otherwise=(NO_MEMORY, UNSEEN, UNSEEN)),
    "nvmlDeviceGetGpuInstanceProfileInfo": replace(MIG_FACT, is_called_once=True),
    "nvmlDeviceGetMaxMigDeviceCount": MIG_FACT,
}
MIG_TABLE = {
    "nvmlDeviceGetMigDeviceHandleByIndex": replace(MIG_FACT, gone=(SAME, EMPTY, EMPTY)),
    "nvmlDeviceGetAttributes": MIG_FACT,
    "nvmlDeviceGetGpuInstanceId": MIG_FACT,
    "nvmlDeviceGetComputeInstanceId": MIG_FACT,
    "nvmlDeviceGetUUID": HARMLESS,
    "nvmlDeviceGetGpuInstanceById": MIG_FACT,
    "nvmlGpuInstanceGetInfo": MIG_FACT,
    "nvmlGpuInstanceGetComputeInstanceById": MIG_FACT,
    "nvmlComputeInstanceGetInfo": MIG_FACT,
    "nvmlGpuInstanceGetComputeInstanceProfileInfo": replace(MIG_FACT, is_called_once=True),
}


# ---- The machines ----


def without(gpu: int) -> Standin:
    return replace(
        PAIR_STANDIN, gpus=tuple(each for index, each in enumerate(PAIR_STANDIN.gpus) if index != gpu)
    )


def changed(gpu: int, **changes: object) -> Standin:
    gpus = list(PAIR_STANDIN.gpus)
    gpus[gpu] = replace(gpus[gpu], **changes)  # type: ignore[arg-type]
    return replace(PAIR_STANDIN, gpus=tuple(gpus))


MACHINES: dict[str, Callable[[int], Standin]] = {
    SAME: lambda gpu: PAIR_STANDIN,
    LEFT_OUT: without,
    NO_MIG: lambda gpu: changed(gpu, mig=None, migs=(), profiles=()),
    EMPTY: lambda gpu: changed(gpu, migs=()),
    NO_FABRIC: lambda gpu: changed(gpu, fabric_state=None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A function that fails on a GPU, or on its MIG device."""

    function: str
    is_mig: bool
    code: int
    gpu: int

    @property
    def row(self) -> Row:
        return (MIG_TABLE if self.is_mig else TABLE)[self.function]

    @property
    def machine(self) -> Standin:
        # This function takes the GPU, though it is called for a MIG device.
        mig = 2 if self.is_mig and self.function != "nvmlDeviceGetGpuInstanceById" else -1
        fault = Fault(function=self.function, gpu=self.gpu, mig=mig, error=self.code)
        return replace(PAIR_STANDIN, faults=(fault,))

    def __str__(self) -> str:
        return f"{self.function} {'of MIG ' if self.is_mig else ''}on GPU {self.gpu}: {self.code}"


def trials(codes: Iterable[int]) -> list[Trial]:
    functions = [(function, False) for function in TABLE] + [(function, True) for function in MIG_TABLE]
    return [
        Trial(function=function, is_mig=is_mig, code=code, gpu=gpu)
        for (function, is_mig), code, gpu in product(functions, codes, (0, 1))
    ]


# ---- The labels ----


def label(found: Inventory | str, strategy: str) -> Outcome:
    assert not isinstance(found, str)
    try:
        node = resolve(found, mig_strategy=strategy)
        return dict(TEMPLATES.render(node, found))
    except GfdError as error:
        return str(error)


def read(folder: Path, machines: dict[str, Standin], pci: tuple[Gpu, ...]) -> dict[str, dict[str, Outcome]]:
    """Return the labels, or the error, by machine and strategy."""
    cases = {name: Case(machine=machine, expected="", pci=pci) for name, machine in machines.items()}
    answers = read_all(folder / "cases", cases, library=standin.build(folder / "library"))
    return {
        name: {strategy: label(answer.found, strategy) for strategy in STRATEGIES}
        for name, answer in answers.items()
    }


def healthy(outcome: str, gpu: int) -> str:
    return f"{outcome}: {gpu}"


def all_machines(chosen: list[Trial]) -> dict[str, Standin]:
    like = {healthy(name, gpu): make(gpu) for name, make in MACHINES.items() for gpu in (0, 1)}
    return like | {str(trial): trial.machine for trial in chosen}


def expect(trial: Trial, strategy: str, found: dict[str, dict[str, Outcome]]) -> Outcome:
    """Return the result from the table; ``found`` has the labels of healthy machines."""
    outcome = trial.row.outcome(strategy, trial.code, trial.gpu)
    if outcome == UNSEEN:
        return unseen(trial, strategy)
    if outcome in MACHINES:
        return found[healthy(outcome, trial.gpu)][strategy]
    labels = found[healthy(SAME, trial.gpu)][strategy]
    assert isinstance(labels, dict)
    if outcome == NO_MODE:
        return {**labels, "nvidia.com/gpu.mode": "unknown"}
    missing = {NO_CLIQUE: "gpu.clique", NO_MEMORY: "gpu.memory" if trial.gpu == 1 else ""}[outcome]
    return {key: value for key, value in labels.items() if key != f"nvidia.com/{missing}"}


def unseen(trial: Trial, strategy: str) -> str:
    device = f"GPU {trial.gpu} MIG 2" if trial.is_mig else f"GPU {trial.gpu}"
    source = {"nvmlDeviceGetAttributes": "nvmlDeviceGetAttributes_v2"}.get(trial.function, trial.function)
    why = f"{source} on {device} failed: {TEXTS[trial.code]} (NVML error {trial.code})"
    if trial.function == "nvmlDeviceGetMemoryInfo" and trial.code in (3, 13):
        reason = "the memory of the GPU, which the profile's name depends on, could not be read"
        why = f"profile of {device} MIG 2 could not be read from nvmlGpuInstanceGetInfo: {reason}"
    step = MIG_ADVICE if trial.code == 4 else KERNEL_LOG_ADVICE
    needs = f"MIG strategy {strategy} needs the MIG devices of GPU {trial.gpu}"
    return f"{needs}, which NVML does not show: {why}; {step}"


TRIALS = trials(TEXTS)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Outcome]]:
    return read(tmp_path_factory.mktemp("faults"), all_machines(TRIALS), PAIR)


def test_the_table_has_every_function() -> None:
    assert set(TABLE) == set(GPU_FUNCTIONS)
    assert set(MIG_TABLE) == set(MIG_FUNCTIONS)


def test_the_machines_differ(found: dict[str, dict[str, Outcome]]) -> None:
    """Otherwise the table would prove nothing."""
    for name, strategy in ((LEFT_OUT, "none"), (EMPTY, "single"), (EMPTY, "mixed"), (NO_MIG, "none")):
        assert found[healthy(name, 1)][strategy] != found[healthy(SAME, 1)][strategy]


@pytest.mark.parametrize(
    ("function", "is_mig"), [*((name, False) for name in TABLE), *((name, True) for name in MIG_TABLE)]
)
def test_labels_after_a_failure(function: str, is_mig: bool, found: dict[str, dict[str, Outcome]]) -> None:
    tried = [trial for trial in TRIALS if (trial.function, trial.is_mig) == (function, is_mig)]
    assert len(tried) == 2 * len(TEXTS)
    for trial, strategy in product(tried, STRATEGIES):
        assert (str(trial), strategy, found[str(trial)][strategy]) == (
            str(trial),
            strategy,
            expect(trial, strategy, found),
        )
