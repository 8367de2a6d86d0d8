"""gfd beside NVIDIA's gpu-feature-discovery, on random machines: the same exit code and the same labels.

``GFD_PEER`` names the original's program, ``GFD_PEER_MACHINES`` says how many machines to try. Where gfd
differs on purpose, a function in ``DIFFERENCES`` says what is expected instead of the original's answer;
often that is what the original says of a machine without the trouble.

gpu.mode, which the original cannot tell for some PCI classes, is unknown here for both: the GPUs of the
random machines are in no host's sysfs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gfd.labels.products import extract_model, extract_suffix, shorten_product
from tests.peer.original import ORIGINAL, require_original
from tests.standin import Fault, Standin, StandinGpu, build, environment
from tests.standin.models import DISPLAY_BOARDS
from tests.standin.random_machines import Case, random_case

MACHINES = int(os.environ.get("GFD_PEER_MACHINES", "300"))

require_original()

pytestmark = pytest.mark.slow

NOT_SUPPORTED, NO_PERMISSION = 3, 4
FIRST_FACTS = ("nvmlDeviceGetHandleByIndex", "nvmlDeviceGetName")
"""What a display board is asked for too."""
NEEDED = (*FIRST_FACTS, "nvmlDeviceGetCudaComputeCapability")
"""Functions that may not even answer Not Supported."""
GPU_FACTS = (*NEEDED, "nvmlDeviceGetMigMode")
MEMORY = "nvmlDeviceGetMemoryInfo"
MIG_FACTS = (
    "nvmlDeviceGetMaxMigDeviceCount",
    "nvmlDeviceGetGpuInstanceProfileInfo",
    "nvmlDeviceGetMigDeviceHandleByIndex",
    "nvmlDeviceGetGpuInstanceId",
    "nvmlDeviceGetComputeInstanceId",
    "nvmlDeviceGetAttributes",
    "nvmlDeviceGetGpuInstanceById",
    "nvmlGpuInstanceGetInfo",
    "nvmlGpuInstanceGetComputeInstanceById",
    "nvmlGpuInstanceGetComputeInstanceProfileInfo",
    "nvmlComputeInstanceGetInfo",
)
ASKED_ONCE = ("nvmlDeviceGetGpuInstanceProfileInfo", "nvmlGpuInstanceGetComputeInstanceProfileInfo")
"""What gfd asks one GPU of a model for."""
MODEL_TRIES = 150
"""How often the original is asked until it draws the same of two models; the rarer one comes 1 time in 8."""
LEFT_OVER = tuple(
    f"nvidia.com/gpu.{name}=" for name in ("memory", "family", "compute.major", "compute.minor")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended, and the labels it printed."""

    exit_code: int
    lines: frozenset[str] = frozenset()


FAILED = Outcome(exit_code=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A folder to run cases in."""

    folder: Path

    def ours(self, case: Case) -> Outcome:
        """Run gfd."""
        return self._run([str(Path(sys.executable).with_name("gpu-feature-discovery"))], case)

    def theirs(self, case: Case) -> Outcome:
        """Run the original."""
        return self._run([ORIGINAL], case)

    def _run(self, program: list[str], case: Case) -> Outcome:
        library = build(self.folder / "lib", without=case.standin.missing)
        description = case.standin.write(self.folder / "machine")
        config = self.folder / "config.yaml"
        config.write_text(case.config, encoding="utf-8")
        machine_type = self.folder / "product_name"
        machine_type.unlink(missing_ok=True)
        if case.machine_type is not None:
            machine_type.write_bytes(case.machine_type)
        arguments = [
            "--oneshot",
            "--no-timestamp",
            "--use-node-feature-api=false",
            "--output-file=",
            f"--mig-strategy={case.strategy}",
            f"--config-file={config}",
            f"--machine-type-file={machine_type}",
        ]
        # Both programs see this machine's PCI devices: they cannot be hidden from the original.
        environ = environment(library, description) | {"PYTHONPATH": ""}
        run = subprocess.run(
            [*program, *arguments],
            env=environ,
            capture_output=True,
            timeout=120,
            check=False,
        )
        print(f"--- {program[0]} exits {run.returncode}\n{run.stderr.decode(errors='replace')}")
        lines = run.stdout.decode(errors="replace").split("\n")
        return Outcome(exit_code=run.returncode, lines=frozenset(line for line in lines if line))


Difference = Callable[[Case, Outcome, Outcome, Bench], Outcome]
"""From a case, gfd's outcome and the one expected so far, to the one expected instead."""


def unknown_strategy(case: Case, ours: Outcome, expected: Outcome, bench: Bench) -> Outcome:
    """An unknown MIG strategy is an error; the original only notices on a node with a GPU."""
    return expected if case.strategy in ("none", "single", "mixed") else FAILED


def failed_fabric(case: Case, ours: Outcome, expected: Outcome, bench: Bench) -> Outcome:
    """A fabric query that fails leaves gpu.clique out; the original fails altogether."""
    fault = _fault(case, "nvmlDeviceGetGpuFabricInfo")
    if fault is None or expected.exit_code == 0:
        return expected
    healthy = bench.theirs(_without_faults(case))
    return replace(
        healthy,
        lines=frozenset(line for line in healthy.lines if not line.startswith("nvidia.com/gpu.clique=")),
    )


def failed_gpu(case: Case, ours: Outcome, expected: Outcome, bench: Bench) -> Outcome:
    """A GPU that cannot be described is left out; the original fails altogether."""
    fault = _fault(case, *GPU_FACTS)
    if fault is None or fault.function in case.standin.missing:
        return expected
    failed = [
        index
        for index, gpu in enumerate(case.standin.gpus)
        if fault.gpu in (None, index) and (fault.function in FIRST_FACTS or not _is_display(gpu))
    ]
    return _without_gpus(case, failed, bench) if failed else expected


def unseen_mig_devices(case: Case, ours: Outcome, expected: Outcome, bench: Bench) -> Outcome:
    """Where NVML refuses to tell of a GPU in MIG mode, that it shows no MIG device proves nothing.

    The original takes it for empty: mixed has no word of MIG then. It is right that single is invalid.
    """
    refused = [fault for fault in case.standin.faults if fault.error == NO_PERMISSION]
    if case.strategy != "mixed" or not refused or expected.exit_code:
        return expected
    facts = (MEMORY, "nvmlDeviceGetGpuInstanceProfileInfo")
    hidden = [
        gpu
        for index, gpu in enumerate(case.standin.gpus)
        if gpu.mig and refused[0].function in facts and refused[0].gpu in (None, index)
    ]
    return FAILED if hidden else expected


def failed_mig_device(case: Case, ours: Outcome, expected: Outcome, bench: Bench) -> Outcome:
    """A GPU with a MIG device that cannot be described is left out; the original fails altogether.

    So does gfd where it is the right to see MIG that lacks.
    """
    fault = next((fault for fault in case.standin.faults if fault.function in MIG_FACTS), None)
    if fault is None or expected.exit_code == 0 or case.strategy not in ("single", "mixed"):
        return expected
    if "\n  mps:" in case.config:
        return FAILED
    gpus = case.standin.gpus
    enabled = [index for index, gpu in enumerate(gpus) if gpu.mig]
    asks_all = fault.function == "nvmlDeviceGetMaxMigDeviceCount"
    listed = [index for index in enabled if not asks_all or fault.gpu not in (None, index)]
    is_invalid = len(enabled) < len(_discoverable(case.standin)) or not all(gpus[i].migs for i in listed)
    if case.strategy == "single" and is_invalid:  # whatever its MIG devices are
        return bench.theirs(_without_faults(case))
    if fault.function in ASKED_ONCE and fault.gpu not in (None, enabled[0]):
        healthy = bench.theirs(_without_faults(case))
        if _legal_lines(healthy) == ours:  # what one GPU of a model told was not asked of this one
            return healthy
    failed = [i for i in enabled if fault.gpu in (None, i) and (asks_all or gpus[i].migs)]
    if not failed or fault.error == NO_PERMISSION:
        return expected
    return _without_gpus(case, failed, bench)


def unasked(case: Case, ours: Outcome, expected: Outcome, bench: Bench) -> Outcome:
    """gfd knows which MIG devices it holds and what their parents are; the original asks, and may fail."""
    fault = _fault(case, "nvmlDeviceIsMigDeviceHandle", "nvmlDeviceGetDeviceHandleFromMigDeviceHandle")
    return bench.theirs(_without_faults(case)) if fault and expected.exit_code else expected


def legal_values(case: Case, ours: Outcome, expected: Outcome, bench: Bench) -> Outcome:
    """Values are cut and trimmed to what Kubernetes takes; of a product, the model is shortened.

    The original publishes what a node will refuse: values that are too long or begin or end with
    punctuation, and the driver's version as it is.
    """
    return _legal_lines(expected)


DIFFERENCES: tuple[Difference, ...] = (
    failed_fabric,
    failed_gpu,
    unseen_mig_devices,
    failed_mig_device,
    unasked,
    legal_values,
    unknown_strategy,
)


def differ_on_purpose(case: Case, ours: Outcome, bench: Bench) -> Outcome:
    """Run the original, and return what is expected of gfd then."""
    expected = bench.theirs(case)
    for difference in DIFFERENCES:
        expected = difference(case, ours, expected, bench)
    return expected


def describe_the_same_model(ours: Outcome, expected: Outcome) -> bool:
    """On a node with several models gfd always describes the same one, and counts each.

    The original draws one at random for every run. It writes the labels of all of them over each other,
    so that where the last one has no memory or family, those of another stay.
    """
    counts = {line for line in ours.lines if line.startswith("nvidia.com/gpu.count.")}
    keys = {line.partition("=")[0] for line in ours.lines}
    left_over = {
        line for line in expected.lines if line.startswith(LEFT_OVER) and line.partition("=")[0] not in keys
    }
    return ours.exit_code == expected.exit_code and ours.lines == (expected.lines - left_over) | counts


@pytest.mark.parametrize("seed", range(MACHINES))
def test_same_labels(seed: int, tmp_path: Path) -> None:
    """Every tenth machine has GPUs of two models."""
    case = random_case(seed, with_mixed_models=seed % 10 == 9)
    bench = Bench(folder=tmp_path)
    ours = bench.ours(case)
    expected = differ_on_purpose(case, ours, bench)
    if len(set(_discoverable(case.standin))) > 1 and ours.exit_code == 0:
        tries = 1
        while not describe_the_same_model(ours, expected) and tries < MODEL_TRIES:
            expected = differ_on_purpose(case, ours, bench)
            tries += 1
        if describe_the_same_model(ours, expected):
            return
    print(case)
    assert sorted(ours.lines) == sorted(expected.lines)
    assert ours.exit_code == expected.exit_code


def _fault(case: Case, *functions: str) -> Fault | None:
    """Return the case's fault if it is about one of ``functions``, and a Not Supported matters there."""
    found = [fault for fault in case.standin.faults if fault.function in functions]
    if found and (found[0].error != NOT_SUPPORTED or found[0].function in NEEDED):
        return found[0]
    return None


def _without_gpus(case: Case, failed: list[int], bench: Bench) -> Outcome:
    gpus = tuple(gpu for index, gpu in enumerate(case.standin.gpus) if index not in failed)
    rest = _without_faults(replace(case, standin=replace(case.standin, gpus=gpus)))
    return bench.theirs(rest) if _discoverable(rest.standin) else FAILED


def _without_faults(case: Case) -> Case:
    return replace(case, standin=replace(case.standin, faults=()))


def _discoverable(standin: Standin) -> list[str | bytes | None]:
    return [gpu.name for gpu in standin.gpus if not _is_display(gpu)]


def _is_display(gpu: StandinGpu) -> bool:
    return gpu.name in [board.encode() for board in DISPLAY_BOARDS]


def _legal_lines(outcome: Outcome) -> Outcome:
    return replace(outcome, lines=frozenset(map(_legal, outcome.lines)))


def _legal(line: str) -> str:
    key, _, value = line.partition("=")
    allowed = "-".join(re.sub(r"[^A-Za-z0-9\-_. ]", "", value).split())
    if key.endswith(".product") and len(allowed.strip("-_.")) > 63:
        # The original may say MIG and SHARED, too. tests/labels/test_products.py tests what is shortened.
        return f"{key}={shorten_product(extract_model(allowed), extract_suffix(allowed))}"
    return f"{key}={allowed.lstrip('-_.')[:63].rstrip('-_.')}"
