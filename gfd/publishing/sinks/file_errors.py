"""Explain why the feature file cannot be written, and what to do."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from gfd.errors import PublishError
from gfd.publishing.sinks.staging_files import StagingError

if TYPE_CHECKING:
    from pathlib import Path

_ADVICE = {
    errno.ENOENT: "create it, mount NFD's feature directory there, or set another --output-file",
    errno.EACCES: "run as its owner, or make it writable for the user that gfd runs as",
    errno.EROFS: "mount it writable, or set another --output-file",
    errno.ENOTDIR: "set --output-file to a file in a directory",
}
"""The next step for errors that do not go away by themselves, by errno."""


def make_error(path: Path, reason: str, *, kind: str, retryable: bool = True) -> PublishError:
    """Return an error of the file sink; ``kind`` is the reason in one word."""
    return PublishError("file", str(path), reason, kind=kind, retryable=retryable)


def make_type_error(path: Path, found: str) -> PublishError:
    """Return the error for a target that is ``found``, such as a directory, instead of a file."""
    reason = f"this is {found}; set --output-file to a file, or leave it empty for standard output"
    return make_error(path, reason, kind="not_a_file", retryable=False)


def translate(path: Path, error: OSError | StagingError) -> PublishError:
    """Return the error to raise from the sink that writes ``path``."""
    if isinstance(error, StagingError):
        return make_error(path, str(error), kind=error.kind, retryable=False)
    if error.errno == errno.EISDIR:
        return make_type_error(path, "a directory")
    advice = _ADVICE.get(error.errno or 0)
    reason = error.strerror or str(error)
    kind = errno.errorcode.get(error.errno or 0, "other")
    if advice is None:
        return make_error(path, f"{reason}; the previous labels stay", kind=kind)
    return make_error(path, f"{path.parent}: {reason}; {advice}", kind=kind, retryable=False)
