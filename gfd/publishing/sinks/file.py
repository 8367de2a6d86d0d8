"""The feature file that NFD's local source reads.

NFD must never see half a file, and must see a whole one at once: the temporary file lies in a hidden
sub-directory that stays, since one beside the target would wake nfd-worker before the rename and make it
miss the change. Nothing is touched when nothing changed, because every change wakes it. What has changed is
touched once more a second later, see :mod:`gfd.publishing.sinks.delayed_touch`.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from threading import Lock
from typing import TYPE_CHECKING

from gfd.errors import PublishError
from gfd.files import read_bytes
from gfd.publishing.sinks.delayed_touch import touch_later
from gfd.publishing.sinks.feature_text import format_expiry, format_labels, parse_features, split_expiry
from gfd.publishing.sinks.staging import StagingError, StagingFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange

Look = tuple[tuple[int, int] | None, tuple[int, int, int] | None]
"""Of a directory and a file in it; None where there is none."""

MAX_BYTES = 65_536
"""NFD drops a feature file that is larger."""

_ADVICE = {
    errno.ENOENT: "create it, or mount NFD's feature directory there, or name another --output-file",
    errno.EACCES: "run as its owner, or make it writable for the user gfd runs as",
    errno.EROFS: "mount it writable, or name another --output-file",
    errno.ENOTDIR: "name a file in a directory with --output-file",
}
"""What to do about errors that do not go away by themselves."""


class FileSink:
    """One feature file, written by one gfd at a time."""

    name = "file"

    def __init__(self, path: Path, *, ttl_s: float | None = None, renew_s: float = 0) -> None:
        """``ttl_s`` is how long the labels live when nobody renews them; None for ever.

        They are renewed when half of that is over, or less than ``renew_s`` is left.
        """
        self._path = path.absolute()
        self._ttl_s = ttl_s
        self._renew_s = max(renew_s, (ttl_s or 0) / 2)
        self._directory: int | None = None
        self._scratch: StagingFolder | None = None
        self._left: str | None = None
        """What the file holds unless somebody changed it; None where it is not gfd's, or not known."""
        self._changed: Callable[[Drift], None] | None = None
        self._told: Look | None = None
        """How the file looked when it was last told that somebody changed it; None once it is repaired."""
        self._mutex = Lock()
        """Held while the file is changed, for :meth:`inspect` in another thread."""

    @property
    def target(self) -> str:
        """The path."""
        return str(self._path)

    def publish(self, labels: Labels) -> bool:
        """Replace the file if its labels differ or begin to lapse. Raises PublishError."""
        text = format_labels(labels)
        now_s = time.time()
        if len(text.encode()) + len(format_expiry(now_s)) > MAX_BYTES:
            size = len(text.encode())
            raise self._error(
                f"{size} bytes of labels, and NFD reads at most {MAX_BYTES}",
                kind="too_large",
                retryable=False,
            )
        with self._mutex:
            try:
                scratch, _ = self._open()
                found = self._read()
                if found is not None and self._is_current(found, text, now_s):
                    self._left, self._told = found, None
                    return False
                text = (format_expiry(now_s + self._ttl_s) if self._ttl_s else "") + text
                # A file that comes and goes between two looks of the watch has never been there for it.
                touch_later(scratch.put(text), self.inspect)
                self._left, self._told = text, None
            except (OSError, StagingError) as error:
                self._release()
                raise self._translate(error) from error
        return True

    def withdraw(self) -> bool:
        """Withdraw the labels: remove the file and the hidden directory; return whether there were any.

        Raises PublishError, also while another gfd writes the file.
        """
        if not self._path.parent.is_dir():
            return False
        with self._mutex:
            self._left = self._told = None
            try:
                scratch, directory = self._open()
                found = self._is_file()
                if found:
                    os.unlink(self._path.name, dir_fd=directory)
                scratch.remove()
                if found:
                    touch_later(os.dup(directory))
            except (OSError, StagingError) as error:
                raise self._translate(error) from error
            finally:
                self._release()
        return found

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return what of the file would change, and what other feature files say. Raises PublishError."""
        from gfd.publishing.preview import preview_replace

        try:
            self._check_target()
            found = {
                file.name: _read_features(file)
                for file in sorted(self._path.parent.iterdir())
                if file == self._path or (file.name[0] != "." and file.is_file())
            }
        except OSError as error:
            raise self._translate(error) from error
        own = found.pop(self._path.name, {})
        return preview_replace(own, labels, found)

    def has_labels(self) -> bool:
        """Return whether the file is there."""
        return self._path.is_file()

    def follow(self, changed: Callable[[Drift], None]) -> None:
        """Let :meth:`inspect` call ``changed``."""
        self._changed = changed

    def inspect(self) -> None:
        """Say that somebody changed or deleted the file, if so. Any other writer is a rival of gfd."""
        with self._mutex:
            if self._left is None or self._changed is None:
                return
            look, found = stat_file(self._path), self._read()
            if found != self._left and look != self._told:
                self._told = look
                self._changed(self._compare(self._left, found))

    def close(self) -> None:
        """Let another gfd write the file; the file itself stays."""
        with self._mutex:
            self._left = self._told = None
            self._release()

    def _compare(self, left: str, found: str | None) -> Drift:
        """Return what somebody changed."""
        from gfd.publishing.drift import Drift

        if not os.path.lexists(self._path):
            return Drift(sink=self.name, what="deleted", is_rival=True, is_urgent=True)
        now_s = time.time()
        differences = parse_features(left, now_s).items() ^ parse_features(found or "", now_s).items()
        keys = tuple(sorted({key for key, _ in differences}))
        return Drift(sink=self.name, keys=keys, is_rival=True, is_urgent=True)

    def _release(self) -> None:
        if self._scratch is not None:
            self._scratch.close()
        if self._directory is not None:
            os.close(self._directory)
        self._scratch = self._directory = None

    def _open(self) -> tuple[StagingFolder, int]:
        """Return the hidden folder and the directory. Raises PublishError, StagingError, OSError."""
        # A directory that was removed and made again is another one.
        if (
            self._scratch is not None
            and self._directory is not None
            and _is_same(self._directory, self._path.parent)
            and self._scratch.is_in_place
        ):
            return self._scratch, self._directory
        self._release()
        try:
            self._directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._check_target()
            self._scratch = StagingFolder(self._directory, self._path)
        except BaseException:
            self._release()
            raise
        return self._scratch, self._directory

    def _check_target(self) -> None:
        """Refuse to replace what is no file: a directory, a pipe, /dev/stdout."""
        try:
            mode = self._path.stat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode):
            raise self._refuse("a directory" if stat.S_ISDIR(mode) else "not a regular file")

    def _is_file(self) -> bool:
        """Return whether a regular file lies there, and no link to one."""
        try:
            return stat.S_ISREG(self._path.lstat().st_mode)
        except OSError:
            return False

    def _read(self) -> str | None:
        """Return what the file holds; None where it is no file of gfd's."""
        if not self._is_file():
            return None
        try:
            return read_bytes(self._path, MAX_BYTES).decode()
        except (OSError, UnicodeDecodeError):  # gfd's own can be read, and is not that large
            return None

    def _is_current(self, found: str, text: str, now_s: float) -> bool:
        expires_s, published = split_expiry(found)
        if published != text:
            return False
        if self._ttl_s is None:
            return expires_s is None
        # A clock that was set back must not make labels live on.
        return expires_s is not None and self._renew_s < expires_s - now_s <= self._ttl_s + 1

    def _translate(self, error: OSError | StagingError) -> PublishError:
        if isinstance(error, StagingError):
            return self._error(str(error), kind=error.kind, retryable=False)
        if error.errno == errno.EISDIR:
            return self._refuse("a directory")
        advice = _ADVICE.get(error.errno or 0)
        reason = error.strerror or str(error)
        kind = errno.errorcode.get(error.errno or 0, "other")
        if advice is None:
            return self._error(f"{reason}; the labels published before stay", kind=kind)
        return self._error(f"{self._path.parent}: {reason}; {advice}", kind=kind, retryable=False)

    def _refuse(self, what: str) -> PublishError:
        hint = "name a file with --output-file, or --output-file= for standard output"
        return self._error(f"this is {what}; {hint}", kind="not_a_file", retryable=False)

    def _error(self, reason: str, *, kind: str, retryable: bool = True) -> PublishError:
        return PublishError(self.name, str(self._path), reason, kind=kind, retryable=retryable)


def stat_file(path: Path) -> Look:
    """Return what tells the file at a path, or its absence, from what was there before, in few calls."""
    try:
        directory = path.parent.stat()
    except OSError:
        return None, None
    try:
        file = path.lstat()
    except OSError:
        return (directory.st_dev, directory.st_ino), None
    return (directory.st_dev, directory.st_ino), (file.st_ino, file.st_size, file.st_ctime_ns)


def _read_features(path: Path) -> Labels:
    """Return the labels that NFD reads there now; none out of a file that is too large for it."""
    try:
        content = read_bytes(path, MAX_BYTES)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        return {}
    return parse_features(content.decode(errors="replace"), time.time())


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
