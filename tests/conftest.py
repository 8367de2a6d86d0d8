from __future__ import annotations

import os
import runpy
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from gfd import cli
from gfd.config.options import OPTIONS
from tests.cli import Gfd
from tests.coverage_data import remove_unfinished
from tests.standin import HOOK

# Before anything loads NVML; what this process forks inherits it.
runpy.run_path(str(HOOK / "sitecustomize.py"))

# gfd must not see the configuration of the machine that runs its tests.
for option in OPTIONS:
    for variable in option.environment:
        os.environ.pop(variable, None)

# What a shell starts in the background ignores Ctrl-C, and so would every gfd that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Deadlines are timed tests. `tox -e lowest` looks longer.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--random-pods",
        type=int,
        default=200,
        help="how many random pods with claims gfd match and a real scheduler compare (default: 200)",
    )
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden with the labels of today"
    )
    parser.addoption(
        "--kubernetes",
        action="append",
        metavar="MINOR",
        help="a version such as 1.34 for the tests that run on several, instead of the newest and the oldest",
    )


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Clean up the coverage data before pytest-cov combines it, once all workers of xdist have ended."""
    result = yield
    data_file = os.environ.get("COVERAGE_FILE")
    if data_file and not hasattr(session.config, "workerinput"):
        remove_unfinished(Path(data_file))
    return result


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str]) -> Gfd:
    """Run gfd in this process: exit code, standard output, standard error."""

    def run(*argv: str, **environ: str) -> tuple[int | None, str, str]:
        code = cli.run(argv, environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def hidden_home(request: pytest.FixtureRequest, empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the home of the person who runs the tests: their kubeconfig must not matter.

    Tests marked cluster or slow need the real one: it keeps what they build once, such as a control plane.
    """
    if {"cluster", "slow"} & {mark.name for mark in request.node.iter_markers()}:
        return
    monkeypatch.setenv("HOME", str(empty_home))
    for variable in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def unconfigured_log() -> Iterator[None]:
    """Leave no level and format of the log to the tests that come after one that ran the service."""
    yield
    structlog.reset_defaults()
