"""The limits for templates, computed without limiting the test process."""

from __future__ import annotations

import mmap
import resource
from pathlib import Path

import pytest

from gfd.errors import ProbeError
from gfd.labels import limits

MIB = 1 << 20
UNLIMITED = resource.RLIM_INFINITY
Limits = dict[int, tuple[int, int]]


@pytest.fixture
def in_force(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Limits:
    """The limits of a process that has 100 MiB of memory and has used less than a second of CPU time."""
    found: Limits = {resource.RLIMIT_AS: (UNLIMITED, UNLIMITED)}
    (tmp_path / "statm").write_text(f"{100 * MIB // mmap.PAGESIZE} 5 4 3 0 2 0\n")
    monkeypatch.setattr(limits, "STATM", str(tmp_path / "statm"))
    monkeypatch.setattr(resource, "getrlimit", found.__getitem__)
    monkeypatch.setattr(resource, "setrlimit", found.__setitem__)
    monkeypatch.setattr(resource, "getrusage", lambda _who: resource.struct_rusage([0.4, 0.3, *[0] * 14]))
    return found


@pytest.mark.parametrize(
    ("hard", "soft"), [(UNLIMITED, 356 * MIB), (1000 * MIB, 356 * MIB), (200 * MIB, 200 * MIB)]
)
def test_cpu_time_and_memory_are_limited(in_force: Limits, hard: int, soft: int) -> None:
    in_force[resource.RLIMIT_AS] = (hard, hard)
    limits.impose()
    assert in_force == {resource.RLIMIT_CPU: (3, 4), resource.RLIMIT_AS: (soft, hard)}


def test_the_memory_limit_is_lifted_for_a_while(in_force: Limits) -> None:
    limits.impose()
    limited = in_force[resource.RLIMIT_AS]
    with limits.lift_memory_limit():
        assert in_force[resource.RLIMIT_AS] == (UNLIMITED, UNLIMITED)
    assert in_force[resource.RLIMIT_AS] == limited


def test_without_proc(in_force: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STATM", "/nowhere/statm")
    with pytest.raises(ProbeError) as failed:
        limits.impose()
    assert failed.value.reason == "/nowhere/statm: No such file or directory"
    assert failed.value.advice == "mount /proc, which gfd needs to limit the memory of templates"
