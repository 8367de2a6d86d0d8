"""What expressions give on devices, and why they fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gfd.clusterview.dra.model import Device, DeviceId, Version
from gfd.errors import GfdError, Undecided
from gfd.tools.match.cel import (
    CelMissing,
    CompileError,
    EvaluationError,
    NotSupported,
    compile_expression,
)
from gfd.tools.match.cel.library import load_cel
from tests.tools.match.cel.devices import ACCELERATOR, GPU, NIC

ROOT = Path(__file__).parents[4]
G = "device.attributes['gpu.nvidia.com']"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("device.driver == 'gpu.nvidia.com'", True),
        (f"{G}.type == 'gpu' && {G}.architecture in ['Hopper', 'Ampere']", True),
        (f"{G}.productName.lowerAscii().matches('^nvidia (a100|h100)')", True),
        ("device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('40Gi')) >= 0", True),
        ("device.capacity['gpu.nvidia.com'].memory.isGreaterThan(quantity('80Gi'))", False),
        (f"{G}.cudaComputeCapability.compareTo(semver('8.0.0')) >= 0", True),
        (f"{G}.driverVersion.isLessThan(semver('v580.095.05', true))", False),
        (f"{G}.driverVersion.major() == 580", True),
        (f"cel.bind(g, {G}, g.brand == 'Nvidia' && g.cudaDriverVersion.minor() == 0)", True),
        (f"{G}.?addressingMode.orValue('None') == 'None'", True),
        (f"has({G}.addressingMode)", False),
        (f"'addressingMode' in {G}", False),
        ("'gpu.intel.com' in device.attributes", False),
        ("has(device.attributes['gpu.intel.com'].model)", False),
        (f"{G}.addressingMode == 'HMM' || true", True),
        (f"['a100', 'h100'].exists(name, {G}.productName.lowerAscii().contains(name))", True),
        ("device.attributes['resource.kubernetes.io'].numaNode < 1", True),
        ("!device.allowMultipleAllocations", True),
    ],
)
def test_a_device_is_selected_or_not(expression: str, *, expected: bool) -> None:
    assert compile_expression(expression).matches(GPU) is expected


@pytest.mark.parametrize(
    ("expression", "missing", "guard"),
    [
        (f"{G}.addressingMode == 'HMM'", f"{G}.addressingMode", f"has({G}.addressingMode)"),
        (
            "device.capacity['gpu.intel.com'].memory.isGreaterThan(quantity('1'))",
            "device.capacity['gpu.intel.com'].memory",
            "has(device.capacity['gpu.intel.com'].memory)",
        ),
        (
            "cel.bind(a, device.attributes['gpu.intel.com'], a['pci-root'] == '01')",
            "device.attributes['gpu.intel.com']['pci-root']",
            "'pci-root' in device.attributes['gpu.intel.com']",
        ),
    ],
)
def test_an_absent_attribute_is_named_with_its_guard(expression: str, missing: str, guard: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        compile_expression(expression).matches(GPU)
    assert (caught.value.missing, caught.value.guard) == (missing, guard)
    kind = missing.split(".")[1].split("[")[0].removesuffix("s")
    assert str(caught.value) == f"the device has no {kind} {missing}"
    assert compile_expression(guard).matches(GPU) is False
    assert compile_expression(f"{guard} && ({expression})").matches(GPU) is False


@pytest.mark.parametrize(
    ("expression", "message", "line", "column"),
    [
        (
            "device.drivr == 'gpu.nvidia.com'",
            "undefined field 'drivr': a device has allowMultipleAllocations, attributes, capacity, driver",
            1,
            7,
        ),
        (
            "device.driver == 'a' &&\n  device.driver == 1",
            "found no matching overload for '_==_' applied to '(string, int)'",
            2,
            17,
        ),
        ("device.driver", "must evaluate to bool or the unknown type, not string", 1, 1),
        ("device.driver in ['a', 1]", "expected type 'string' but found 'int'", 1, 24),
        ("undeclared == 1", "undeclared reference to 'undeclared'", 1, 1),
        ("x" * 10241, "the expression has 10241 bytes; the API server accepts 10240", 1, 1),
    ],
)
def test_what_the_api_server_refuses_is_an_error_with_its_place(
    expression: str, message: str, line: int, column: int
) -> None:
    with pytest.raises(CompileError) as caught:
        compile_expression(expression)
    assert (caught.value.message, caught.value.line, caught.value.column) == (message, line, column)
    assert isinstance(caught.value, GfdError)


def test_a_version_compared_with_a_text_fails_as_in_the_scheduler() -> None:
    with pytest.raises(EvaluationError, match="== compares a version with a string; compare it with semver"):
        compile_expression(f"{G}.driverVersion == '580'").matches(GPU)
    with pytest.raises(EvaluationError, match="== compares a version with a string"):
        compile_expression(f"cel.bind(g, {G}, g.driverVersion == '580')").matches(GPU)
    assert compile_expression(f"{G}.driverVersion == '580' || true").matches(GPU)
    assert compile_expression(f"{G}.driverVersion != '580'").matches(GPU)
    assert compile_expression(f"has({G}.driverVersion)").matches(GPU)
    with pytest.raises(NotSupported, match="driverVersion is a version"):
        compile_expression(f"'580' == {G}.driverVersion").matches(GPU)


def test_a_quantity_that_kubernetes_rounds_is_not_judged() -> None:
    with pytest.raises(NotSupported, match="Kubernetes rounds it"):
        compile_expression("quantity('0.1n') == quantity('0')").matches(GPU)


def test_what_the_runtime_cannot_read_is_not_judged() -> None:
    with pytest.raises(NotSupported, match="the CEL runtime cannot read the expression"):
        compile_expression("(" * 40 + "true" + ")" * 40)
    with pytest.raises(CompileError, match="no Unicode character"):
        compile_expression("'\ud800' == ''")


def test_other_drivers() -> None:
    nic = "device.attributes['dra.net']"
    assert compile_expression(f"{nic}.rdma && {nic}.mtu > 1500 && !{nic}.virtual").matches(NIC)
    assert compile_expression("device.allowMultipleAllocations").matches(NIC)
    firmware = "device.attributes['gpu.intel.com'].firmware"
    assert compile_expression(f"{firmware}.isLessThan(semver('1.2.0'))").matches(ACCELERATOR)


def test_what_gfd_does_not_judge_is_neither_right_nor_wrong() -> None:
    with pytest.raises(NotSupported, match=r"the function duration\(\) is not judged") as caught:
        compile_expression("duration('1h') > duration('1m')")
    assert isinstance(caught.value, Undecided)


@pytest.mark.parametrize(
    "expression",
    [
        "'a'" + ".replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa')" * 8 + ".size() > 1",
        "'ab'" + ".replace('', 'cccccccccccc')" * 8 + ".size() > 1",
        "".join(f"cel.bind(x{n}, {f'x{n - 1} + x{n - 1}' if n else 'device.driver'}, " for n in range(28))
        + "true"
        + ")" * 28,
    ],
    ids=("replace", "replace nothing", "bind"),
)
def test_what_would_fill_the_memory_is_not_judged(expression: str) -> None:
    with pytest.raises(NotSupported, match=r"a text that can become [0-9]+ times as long is not judged"):
        compile_expression(expression)


def test_a_version_of_a_device_that_is_none_is_an_error() -> None:
    device = Device(id=DeviceId("d", "p", "n"), attributes={"d/version": Version(text="580")})
    with pytest.raises(EvaluationError, match=r"^not a semantic version: '580'; one has three numbers"):
        compile_expression("true").matches(device)


def test_more_steps_than_the_runtime_makes_are_not_judged() -> None:
    loops = "".join(f"[1, 2, 3, 4, 5, 6, 7, 8, 9].all({name}, " for name in "abcdefg")
    expression = compile_expression(f"{loops}a > 0{')' * 7}")
    with pytest.raises(NotSupported, match=r"the CEL runtime cannot evaluate the expression: .*budget"):
        expression.matches(GPU)


def test_the_output_names_what_to_write_for_two_quantities() -> None:
    with pytest.raises(NotSupported, match=r"!= with a quantity \(write compareTo\(…\) != 0 instead\)"):
        compile_expression("device.capacity['gpu.nvidia.com'].memory != quantity('80Gi')")


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load_cel.cache_clear()
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    try:
        with pytest.raises(CelMissing, match=r"pip install 'gfd\[dra\]'$"):
            load_cel()
    finally:
        load_cel.cache_clear()


def test_a_compiled_expression_is_kept() -> None:
    assert compile_expression("device.driver == 'a'") is compile_expression("device.driver == 'a'")


def test_an_old_protobuf_beside_the_runtime_is_not_used(tmp_path: Path) -> None:
    """The runtime ends the process if it finds one that is too old for it."""
    (tmp_path / "google/protobuf").mkdir(parents=True)
    (tmp_path / "google/protobuf/__init__.py").touch()
    (tmp_path / "google/protobuf/descriptor_pool.py").write_text("def Default():\n    return 1\n")
    (tmp_path / "google/protobuf/message_factory.py").touch()
    program = (
        "from gfd.tools.match.cel import compile_expression; compile_expression('device.driver == \"a\"')"
    )
    environ = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environ)
