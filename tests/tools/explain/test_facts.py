"""The sources in annotations are those that the probe reads."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gfd.config.options import OPTIONS
from gfd.inventory.model import FactFailure, FailedGpu, Gpu, Inventory
from gfd.inventory.sources import DerivedFrom, ReadFrom
from gfd.labels.resources import NodeFacts, resolve
from gfd.labels.strategies import STRATEGIES
from gfd.probe import sysfs, vfio
from gfd.probe.cuda import FUNCTIONS
from gfd.probe.strategies import READERS
from gfd.tools.explain.facts import (
    PCI_IDS,
    ROOTS,
    Fact,
    find_pattern,
    find_type,
    follow,
    list_facts,
    list_fields,
)
from tests import standin
from tests.make import gpu, inventory, mig_gpu
from tests.probe.boards import NODE, PAIR, PAIR_STANDIN
from tests.probe.reading import Case, read_all
from tests.standin import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBE = Path(sysfs.__file__).parent
FLAGS = {option.flag for option in OPTIONS}
BOOKKEEPING = ("schema", "failures", "failure")
"""Fields that are not facts."""
GPU_LOST, FUNCTION_NOT_FOUND = 15, 13


def paths(kind: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the paths to all values that are not named tuples."""
    for name, field in list_fields(kind).items():
        if name in BOOKKEEPING:
            continue
        if hasattr(field.kind, "_fields"):
            yield from paths(field.kind, (*path, name))
        else:
            yield (*path, name)


def read_fields() -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the sources of each annotated field of the inventory, by class and name."""
    found = {}
    kinds, seen = [Inventory], set[type]()
    while kinds:
        kind = kinds.pop()
        seen.add(kind)
        for name, field in list_fields(kind).items():
            if isinstance(field.mark, ReadFrom) and field.mark.sources:
                found[kind.__name__, name] = field.mark.sources
            if hasattr(field.kind, "_fields") and field.kind not in seen:
                kinds.append(field.kind)
    return found


def asked_functions() -> set[str]:
    """Return the NVML functions in the source of the probe."""
    return {
        node.value
        for file in PROBE.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("nvml")
        if node.value.isidentifier() and node.value not in READERS
    }


@pytest.mark.parametrize("root", ROOTS)
def test_every_field_has_facts(root: str) -> None:
    found = list(paths(ROOTS[root], (root,)))
    assert len(found) > 40
    for path in found:
        facts = [
            *list_facts(path, is_mig=False),
            *list_facts(path, is_mig=True),
        ]
        assert facts, path
        for fact in facts:
            assert fact.name in FLAGS if not fact.path else fact.sources, (path, fact)


def test_the_facts_of_derived_fields_exist() -> None:
    kinds = [NodeFacts]
    for kind in kinds:
        for name, field in list_fields(kind).items():
            if isinstance(field.mark, DerivedFrom):
                found = {
                    fact
                    for discovery in READERS
                    for is_mig in (False, True)
                    for fact in field.mark.find_facts(discovery, is_mig=is_mig)
                }
                for fact in found - FLAGS:
                    start = Inventory if fact.startswith("inventory.") else kind
                    for step in fact.removeprefix("inventory.").split("."):
                        assert step in list_fields(start), (kind, name, fact)
                        start = list_fields(start)[step].kind
            if hasattr(field.kind, "_fields") and field.kind not in kinds:
                kinds.append(field.kind)


def test_each_source_is_a_function_a_file_or_an_option() -> None:
    functions = asked_functions()
    bus = f"/{sysfs.PCI_DEVICES}"
    names = ("class", "numa_node", "config", "device", "resource")
    text = Path(sysfs.__file__).read_text() + Path(vfio.__file__).read_text()
    assert all(f'/{name}"' in text for name in names)
    files = {bus, PCI_IDS, f"{bus}/<address>", *(f"{bus}/<address>/{name}" for name in names)}
    for sources in read_fields().values():
        assert set(sources) <= functions | files | FLAGS
    others = {"vfio": files, "tegra": {*FUNCTIONS, f"{bus}/<address>/config"}}
    for discovery, known in others.items():
        found = [
            field.mark.find_sources(discovery)
            for kind in (Inventory, Gpu, FailedGpu)
            for field in list_fields(kind).values()
            if isinstance(field.mark, ReadFrom) and field.mark.find_sources(discovery) != field.mark.sources
        ]
        assert len(found) > 5
        for sources in found:
            assert set(sources) <= known


def test_every_cuda_function_is_the_source_of_a_fact() -> None:
    named = {
        source
        for kind in (Inventory, Gpu, FailedGpu)
        for field in list_fields(kind).values()
        if isinstance(field.mark, ReadFrom)
        for source in field.mark.find_sources("tegra")
    }
    assert set(FUNCTIONS) - named == {"cuInit"}


def test_every_nvml_function_is_the_source_of_a_fact() -> None:
    named = {source for sources in read_fields().values() for source in sources}
    handles = {name for name in asked_functions() if name.endswith(("ById", "ByIndex"))}
    # The library's version is not a fact of a node; gfd doctor compares it with the driver's.
    version = "nvmlSystemGetNVMLVersion"
    assert asked_functions() - named - handles == {"nvmlInit", "nvmlShutdown", version}


def test_a_field_is_missing_if_one_of_its_functions_fails(tmp_path: Path) -> None:
    named = {name for sources in read_fields().values() for name in sources if name.startswith("nvml")}
    whole = NODE._replace(gpus=PAIR)
    cases = {"": Case(machine=PAIR_STANDIN, expected=whole)}
    for function in sorted(named):
        faults = [Fault(function=function, error=GPU_LOST)]
        if function == "nvmlDeviceGetGpuFabricInfoV":  # only called if the driver lacks the older function
            faults.append(Fault(function="nvmlDeviceGetGpuFabricInfo", error=FUNCTION_NOT_FOUND))
        cases[function] = Case(machine=replace(PAIR_STANDIN, faults=tuple(faults)), expected=whole)
    answers = read_all(tmp_path / "cases", cases, library=standin.build(tmp_path / "library"))

    def values(case: str, kind: str, name: str) -> list[Any]:
        found = answers[case].found
        if isinstance(found, str):
            return []
        owners = {
            "Inventory": [found],
            "Gpu": found.gpus,
            "FailedGpu": found.failed_gpus,
            "MigDevice": [device for each in found.gpus for device in each.mig_devices or ()],
        }[kind]
        return [getattr(owner, name) for owner in owners]

    assert answers[""].found == whole
    for (kind, name), sources in read_fields().items():
        for function in named.intersection(sources):
            # This machine has no failed GPU, so a failing count loses all GPUs.
            is_lost = values(function, kind, name) != values("", kind, name)
            # Memory is unified only if the function fails with Not Supported.
            assert is_lost or kind == "FailedGpu" or name == "is_memory_unified", (kind, name, function)


def test_facts_of_derived_fields() -> None:
    def names(*path: str, is_mig: bool = False) -> list[tuple[str, str]]:
        return [(fact.name, fact.unit) for fact in list_facts(path, is_mig=is_mig)]

    memory = ("node", "resources", "memory_mib")
    assert names(*memory) == [("Gpu.memory_bytes", "bytes")]
    assert names(*memory, is_mig=True) == [("MigDevice.memory_mib", "MiB")]
    assert names("node", "resources", "engines", "copy") == [("Gpu.engines.copy", "")]
    assert names("node", "driver", "major") == [("Inventory.driver_version", "")]
    assert names("node", "gpus") == [("Gpu.index", "")]
    assert names("node", "resources", "ci_slices") == []
    assert names("node", "mig_strategy") == [("--mig-strategy", "")]
    assert names("inventory", "gpus", "profiles", "memory_mib") == [("Gpu.profiles.memory_mib", "MiB")]
    assert names("node", "nothing") == names("nothing") == []
    assert list_facts(("inventory", "gpus", "profiles", "slices"), is_mig=False) == (
        Fact(
            name="Gpu.profiles.slices",
            sources=("nvmlDeviceGetGpuInstanceProfileInfo", "nvmlDeviceGetMemoryInfo"),
            path=("inventory", "gpus", "profiles", "slices"),
        ),
    )


def test_a_path_is_followed_through_every_element() -> None:
    found = inventory(mig_gpu(0, 2), gpu(1, memory_bytes=None))
    node = resolve(found, mig_strategy="mixed")
    roots = {"node": node, "inventory": found}
    first, second = found.gpus
    assert list(follow(roots, ("inventory", "gpus", "memory_bytes"))) == [
        (first, first.memory_bytes),
        (second, None),
    ]
    assert [value for _, value in follow(roots, ("inventory", "gpus", "mig_devices", "engines", "copy"))] == [
        1,
        1,
    ]
    resources = ("node", "resources")
    for one, value in zip(node.resources, (40536, 4864), strict=True):
        assert list(follow(roots, (*resources, "memory_mib"), {resources: one})) == [(None, value)]


def test_the_pattern_of_resource_names() -> None:
    assert find_type(("node", "resources", "name")) is str
    assert find_pattern(("node", "resources", "name")) == "gpu|mig-.+"
    assert find_pattern(("node", "models", "product")) == find_pattern(("nothing",)) == "[-A-Za-z0-9_.]+"
    names = {
        resource.name
        for strategy in STRATEGIES
        for resource in resolve(inventory(mig_gpu()), mig_strategy=strategy).resources
    }
    assert names == {"gpu", "mig-1g.5gb"}


def test_failures_are_no_facts() -> None:
    assert not any(field.mark for field in list_fields(FactFailure).values())
