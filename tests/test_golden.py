"""Whole label sets, byte for byte: every built-in machine with every strategy, layout and sharing.

A file in ``golden/`` holds the feature-file lines of one machine. A section begins with all the cases that
have these labels: ``[layout strategy sharing]``. ``pytest --update-golden`` rewrites the files.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gfd.config.options import EXTRA_LABELS
from gfd.inventory.model import FactFailure, FailedGpu
from gfd.labels.resources import resolve
from gfd.labels.sharing import SharedResource, Sharing
from gfd.labels.strategies import STRATEGIES
from gfd.labels.templates import Templates
from gfd.publishing.sinks.feature_text import format_labels
from gfd.simulation import machines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.inventory.model import Inventory
    from gfd.labels.syntax import Labels

GOLDEN = Path(__file__).parent / "golden"
TEMPLATES = Templates()

SHARING = ("none", "time-slicing", "renamed", "mps")

EXTRA_CASES = (
    ("h100", "all-disabled", "none"),
    ("h100", "all-1g.10gb", "single"),
    ("dgx-h100", "all-disabled", "none"),
    ("a30", "all-balanced", "mixed"),
    ("a30", "all-balanced", "single"),
    ("mixed-models", "all-2g.12gb", "mixed"),
    ("v100", "all-disabled", "none"),
    ("no-gpu", "all-disabled", "none"),
)
"""Machine, layout and strategy of the golden file for extra labels."""

OF_PLUGIN = re.compile(r"nvidia\.com/(mig\.strategy|mps\.capable|.+\.(replicas|sharing-strategy))")
"""The keys that only the device plugin gives a meaning."""

MIG_DOCUMENT = {
    "nvidia.com/cuda.driver.major": "460",
    "nvidia.com/cuda.driver.minor": "73",
    "nvidia.com/cuda.driver.rev": "01",
    "nvidia.com/cuda.runtime.major": "11",
    "nvidia.com/cuda.runtime.minor": "2",
    "nvidia.com/gfd.timestamp": "1619479472",
    "nvidia.com/gpu.compute.major": "8",
    "nvidia.com/gpu.compute.minor": "0",
    "nvidia.com/gpu.count": "7",
    "nvidia.com/gpu.engines.copy": "1",
    "nvidia.com/gpu.engines.decoder": "0",
    "nvidia.com/gpu.engines.encoder": "0",
    "nvidia.com/gpu.engines.jpeg": "0",
    "nvidia.com/gpu.engines.ofa": "0",
    "nvidia.com/gpu.family": "ampere",
    "nvidia.com/gpu.machine": "SYS-1019GP-TT-02-NC24B",
    "nvidia.com/gpu.memory": "4864",
    "nvidia.com/gpu.multiprocessors": "14",
    "nvidia.com/gpu.product": "A100-PCIE-40GB-MIG-1g.5gb",
    "nvidia.com/gpu.slices.ci": "1",
    "nvidia.com/gpu.slices.gi": "1",
    "nvidia.com/mig.strategy": "single",
}
"""What gpu-feature-discovery printed for NVIDIA's document "MIG Support in Kubernetes"."""


@cache
def read(machine: str, layout: str) -> Inventory:
    return machines.read(machine, layout)


def layouts(machine: str) -> tuple[str, ...]:
    """Without MIG, with one profile, with several profiles, and with MIG enabled but no devices.

    Under ``single`` the last two are invalid.
    """
    for gpu in read(machine, "all-disabled").gpus:
        if gpu.profiles:
            return "all-disabled", f"all-{gpu.profiles[0].name}", "all-balanced", "all-enabled"
    return ("all-disabled",)


def sharing(kind: str, inventory: Inventory) -> Sharing:
    """Share every possible resource between four pods."""
    if kind == "none":
        return Sharing()
    profiles = {device.profile for gpu in inventory.gpus for device in gpu.mig_devices or ()}
    names = ("gpu", *(f"mig-{profile}" for profile in sorted(filter(None, profiles))))
    return Sharing(
        strategy="mps" if kind == "mps" else "time-slicing",
        resources=tuple(SharedResource(name=f"nvidia.com/{name}", replicas=4) for name in names),
        is_renamed=kind == "renamed",
    )


def label(
    inventory: Inventory,
    strategy: str,
    shared: Sharing | None = None,
    extra: Iterable[str] = (),
    timestamp: int | None = None,
) -> Labels:
    node = resolve(inventory, mig_strategy=strategy, sharing=shared, timestamp=timestamp)
    return TEMPLATES.render(node, inventory, extra)


def sections(labels: dict[str, Labels]) -> str:
    """Return the text of a golden file; cases with the same labels share a section."""
    cases: dict[str, list[str]] = {}
    for case, found in labels.items():
        cases.setdefault(format_labels(found), []).append(f"[{case}]\n")
    return "\n".join("".join(headings) + lines for lines, headings in cases.items())


def compare(name: str, actual: str, config: pytest.Config) -> None:
    path = GOLDEN / f"{name}.txt"
    if config.getoption("--update-golden"):
        path.write_text(actual, encoding="utf-8", newline="\n")
        return
    expected = path.read_bytes().decode("utf-8") if path.exists() else ""
    if actual != expected:
        difference = difflib.unified_diff(
            expected.splitlines(keepends=True),
            actual.splitlines(keepends=True),
            f"golden/{path.name}",
            "now",
        )
        pytest.fail("".join(difference) or "the line ends differ", pytrace=False)


@pytest.mark.parametrize("machine", machines.list_names())
def test_labels_of_a_machine(machine: str, pytestconfig: pytest.Config) -> None:
    labels = {}
    for layout in layouts(machine):
        inventory = read(machine, layout)
        for strategy in STRATEGIES:
            for kind in SHARING:
                # MPS with MIG is an error.
                if kind != "mps" or layout == "all-disabled":
                    shared = sharing(kind, inventory)
                    labels[f"{layout} {strategy} {kind}"] = label(inventory, strategy, shared)
    compare(machine, sections(labels), pytestconfig)


def test_extra_labels(pytestconfig: pytest.Config) -> None:
    labels = {
        f"{machine} {layout} {strategy}": label(read(machine, layout), strategy, extra=EXTRA_LABELS)
        for machine, layout, strategy in EXTRA_CASES
    }
    compare("extra-labels", sections(labels), pytestconfig)


def test_extra_labels_of_a_node_with_a_gpu_left_out(pytestconfig: pytest.Config) -> None:
    """One GPU and a MIG device of another GPU cannot be read."""
    whole = read("dgx-h100", "all-1g.10gb")
    lost = FactFailure(
        fact="profile", source="nvmlComputeInstanceGetInfo", device="", reason="GPU is lost", code=15
    )
    broken, dead, *rest = whole.gpus
    first, *others = broken.mig_devices or ()
    broken = broken._replace(mig_devices=(first._replace(profile=None, failures=(lost,)), *others))
    damaged = whole._replace(
        gpus=(broken, *rest),
        failed_gpus=(FailedGpu(index=dead.index, failure=lost._replace(fact="gpu")),),
    )
    labels = {
        f"dgx-h100 all-1g.10gb {strategy}": label(damaged, strategy, extra=EXTRA_LABELS)
        for strategy in STRATEGIES
    }
    compare("gpus-left-out", sections(labels), pytestconfig)


def test_no_count_of_unknown_mig_devices() -> None:
    whole = read("a30", "all-balanced")
    first, *rest = whole.gpus
    damaged = whole._replace(gpus=(first._replace(mig_devices=None), *rest))
    expected = dict(label(whole, "none", extra=EXTRA_LABELS))
    assert expected.pop("nvidia.com/mig.count")
    assert label(damaged, "none", extra=EXTRA_LABELS) == expected


def test_labels_of_nodes_with_dra(pytestconfig: pytest.Config) -> None:
    """They are those of the strategy mixed, without what the device plugin means."""
    found = {}
    for machine in machines.list_names():
        for layout in layouts(machine):
            inventory = read(machine, layout)
            node = resolve(inventory, mig_strategy="mixed", has_device_plugin=False)
            labels = TEMPLATES.render(node, inventory)
            found[f"{machine} {layout}"] = labels
            assert labels == {
                key: value for key, value in label(inventory, "mixed").items() if not OF_PLUGIN.fullmatch(key)
            }
    compare("dra", sections(found), pytestconfig)


def test_every_golden_file_is_in_use() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {
        *machines.list_names(),
        "dra",
        "extra-labels",
        "gpus-left-out",
    }


def test_the_labels_of_the_mig_document() -> None:
    found = label(read("mig-doc", "all-1g.5gb"), "single", timestamp=1619479472)
    assert {key: found.get(key) for key in MIG_DOCUMENT} == MIG_DOCUMENT


def test_the_second_layout_of_the_mig_document() -> None:
    found = label(read("mig-doc", "all-3g.20gb"), "single")
    assert found["nvidia.com/gpu.count"] == "2"
    assert found["nvidia.com/gpu.product"] == "A100-PCIE-40GB-MIG-3g.20gb"
