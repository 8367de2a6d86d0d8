"""Which checkouts can be released."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from release.programs import ReleaseError
from release.source import read

Git = Callable[..., None]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A checkout in ``tmp_path`` with one commit; the settings of this machine do not matter."""

    def run(*arguments: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgSign=false")
        environ = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path / "home")}
        subprocess.run(("git", *identity, *arguments), cwd=tmp_path, env=environ, check=True)

    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1.2.3\n")
    run("init", "-q")
    run("add", "setup.cfg")
    run("commit", "-qm", "first", "--date=2020-01-01T00:00:00Z")
    return run


def test_a_tagged_commit(tmp_path: Path, git: Git) -> None:
    git("tag", "other")
    git("tag", "v1.2.3")
    source = read(tmp_path, is_trial=False)
    assert (source.folder, source.version) == (tmp_path, "1.2.3")
    assert source.commit_time > 1_577_836_800


def test_without_a_tag(tmp_path: Path, git: Git) -> None:
    with pytest.raises(ReleaseError) as refused:
        read(tmp_path, is_trial=False)
    assert str(refused.value) == (
        "the commit does not have the tag v1.2.3; set it with git tag v1.2.3, or pass --trial to make files "
        "that are not for publishing"
    )
    assert read(tmp_path, is_trial=True).version == "1.2.3"


def test_the_tag_of_another_version(tmp_path: Path, git: Git) -> None:
    git("tag", "v1.3.0")
    with pytest.raises(ReleaseError) as refused:
        read(tmp_path, is_trial=False)
    assert str(refused.value) == (
        "the commit has the tag v1.3.0, but setup.cfg has version 1.2.3; change the version as RELEASING.md "
        "says and tag that commit, or pass --trial to make files that are not for publishing"
    )


def test_changes(tmp_path: Path, git: Git) -> None:
    git("tag", "v1.2.3")
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1.2.3\nname = gfd\n")
    (tmp_path / "new").touch()
    with pytest.raises(ReleaseError) as refused:
        read(tmp_path, is_trial=False)
    assert str(refused.value).startswith(
        "the checkout has changes: M setup.cfg, ?? new; commit or remove them, or pass --trial"
    )
    assert read(tmp_path, is_trial=True).version == "1.2.3"


def test_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1.2.3\n")
    with pytest.raises(ReleaseError, match="not a git repository"):
        read(tmp_path, is_trial=True)
