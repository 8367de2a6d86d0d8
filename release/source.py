"""The source of a release: its version, its commit, and whether both can be released."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

from release.programs import ReleaseError, run

_TRIAL = "or pass --trial to make files that are not for publishing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    folder: Path
    version: str
    commit_time: int
    """When the commit was made, in seconds since 1970: the time of all files in the archives."""


def read(folder: Path, *, is_trial: bool) -> Source:
    """Read the checkout in ``folder``.

    Raises ReleaseError if there are changes, or if the commit does not have the tag of the version; a trial
    may have both.
    """
    version = read_version(folder)
    if not is_trial:
        _check_changes(folder)
        _check_tag(folder, f"v{version}")
    time = run("git", "log", "-1", "--format=%ct", folder=folder)
    return Source(folder=folder, version=version, commit_time=int(time))


def read_version(folder: Path) -> str:
    """Return the version in setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(folder / "setup.cfg")
    return parser["metadata"]["version"]


def _check_changes(folder: Path) -> None:
    changes = run("git", "status", "--porcelain", folder=folder).splitlines()
    if changes:
        shown = ", ".join(line.strip() for line in changes[:5])
        more = f" and {len(changes) - 5} more" if len(changes) > 5 else ""
        raise ReleaseError(f"the checkout has changes: {shown}{more}; commit or remove them, {_TRIAL}")


def _check_tag(folder: Path, wanted: str) -> None:
    tags = run("git", "tag", "--points-at", "HEAD", folder=folder).split()
    if wanted in tags:
        return
    version = wanted.removeprefix("v")
    if tags:
        raise ReleaseError(
            f"the commit has the tag {', '.join(tags)}, but setup.cfg has version {version}; change the "
            f"version as RELEASING.md says and tag that commit, {_TRIAL}"
        )
    raise ReleaseError(f"the commit does not have the tag {wanted}; set it with git tag {wanted}, {_TRIAL}")
