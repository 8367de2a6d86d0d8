"""The feature file that NFD's local source reads.

NFD must never see half a file, and must see a whole one at once: the temporary file lies in a hidden
sub-directory that stays, since one beside the target would wake nfd-worker before the rename and make it
miss the change. Nothing is touched when nothing changed, because every change wakes it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING

from gfd.errors import PublishError
from gfd.sinks.text import expiry_line, parse_lines, split_expiry, to_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gfd.labels import Labels
    from gfd.sinks.prospect import Prospect

MAX_BYTES = 65_536
"""NFD drops a feature file that is larger."""

FOLDER = ".gfd-tmp"
"""Beside the feature file; NFD passes over names that begin with a dot."""

_ADVICE = {
    errno.ENOENT: "create it, or mount NFD's feature directory there, or name another --output-file",
    errno.EACCES: "run as its owner, or make it writable for the user gfd runs as",
    errno.EROFS: "mount it writable, or name another --output-file",
    errno.ENOTDIR: "name a file in a directory with --output-file",
}
"""What to do about errors that do not go away by themselves."""


class FeatureFile:
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
        self._scratch: int | None = None
        self._lock: int | None = None

    @property
    def target(self) -> str:
        """The path."""
        return str(self._path)

    def publish(self, labels: Labels) -> bool:
        """Replace the file if its labels differ or begin to lapse. Raises PublishError."""
        text = to_lines(labels)
        now_s = time.time()
        if len(text.encode()) + len(expiry_line(now_s)) > MAX_BYTES:
            size = len(text.encode())
            raise self._error(
                f"{size} bytes of labels, and NFD reads at most {MAX_BYTES}",
                kind="too_large",
                retryable=False,
            )
        try:
            self._open()
            if self._is_current(text, now_s):
                return False
            self._replace((expiry_line(now_s + self._ttl_s) if self._ttl_s else "") + text)
        except OSError as error:
            self.close()
            raise self._translate(error) from error
        return True

    def withdraw(self) -> bool:
        """Withdraw the labels: remove the file and the hidden directory; return whether there were any.

        Raises PublishError, also while another gfd writes the file.
        """
        if not self._path.parent.is_dir():
            return False
        try:
            self._open()
            found = stat.S_ISREG(self._mode())
            if found:
                os.unlink(self._path.name, dir_fd=self._directory)
            for name in (self._path.name, self._lock_name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=self._scratch)
            # Another feature file beside this one may still use the directory.
            with contextlib.suppress(OSError):
                os.rmdir(FOLDER, dir_fd=self._directory)
        except OSError as error:
            raise self._translate(error) from error
        finally:
            self.close()
        return found

    def foresee(self, labels: Labels) -> list[Prospect]:
        """Return what of the file would change, and what other feature files say. Raises PublishError."""
        from gfd.sinks.prospect import foresee

        try:
            found = {
                file.name: _read_features(file)
                for file in sorted(self._path.parent.iterdir())
                if file == self._path or (file.name[0] != "." and file.is_file())
            }
        except OSError as error:
            raise self._translate(error) from error
        own = found.pop(self._path.name, {})
        return foresee(own, labels, found)

    def has_labels(self) -> bool:
        """Return whether the file is there."""
        return self._path.is_file()

    def follow(self, changed: Callable[[], None]) -> None:
        """Say nothing: each cycle looks."""

    def close(self) -> None:
        """Let another gfd write the file; the file itself stays."""
        for descriptor in (self._lock, self._scratch, self._directory):
            if descriptor is not None:
                os.close(descriptor)
        self._lock = self._scratch = self._directory = None

    @property
    def _lock_name(self) -> str:
        return f"{self._path.name}.lock"

    def _open(self) -> None:
        # A directory that was removed and made again is another one.
        if self._directory is not None and _is_same(self._directory, self._path.parent):
            return
        self.close()
        try:
            self._directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._check_target()
            with contextlib.suppress(FileExistsError):
                os.mkdir(FOLDER, 0o700, dir_fd=self._directory)
            # Whoever may write here could have planted a link that leads elsewhere.
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            self._scratch = os.open(FOLDER, flags, dir_fd=self._directory)
            self._take_lock()
        except BaseException:
            self.close()
            raise

    def _take_lock(self) -> None:
        # Held open for reading only: one for writing would keep the file system from becoming read-only.
        flags = os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._lock = os.open(self._lock_name, os.O_RDONLY | flags, 0o600, dir_fd=self._scratch)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            raise self._error(
                f"another gfd (process {holder or 'unknown'}) writes this file; stop it, or give this one "
                "another --output-file",
                kind="locked",
                retryable=False,
            ) from error
        writer = os.open(self._lock_name, os.O_WRONLY | os.O_TRUNC | flags, 0o600, dir_fd=self._scratch)
        try:
            os.write(writer, f"{os.getpid()}\n".encode())
        finally:
            os.close(writer)

    def _check_target(self) -> None:
        """Refuse to replace what is no file: a directory, a pipe, /dev/stdout."""
        try:
            mode = os.stat(self._path.name, dir_fd=self._directory).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            hint = "name a file with --output-file, or --output-file= for standard output"
            raise self._error(f"this is {what}; {hint}", kind="not_a_file", retryable=False)

    def _mode(self) -> int:
        try:
            return os.stat(self._path.name, dir_fd=self._directory, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return 0

    def _is_current(self, text: str, now_s: float) -> bool:
        if not stat.S_ISREG(self._mode()):
            return False
        try:
            published = self._path.read_text()
        except UnicodeDecodeError:
            return False
        expires_s, published = split_expiry(published)
        if published != text:
            return False
        if self._ttl_s is None:
            return expires_s is None
        # A clock that was set back must not make labels live on.
        return expires_s is not None and self._renew_s < expires_s - now_s <= self._ttl_s + 1

    def _replace(self, text: str) -> None:
        name = self._path.name
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=self._scratch)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        os.rename(name, name, src_dir_fd=self._scratch, dst_dir_fd=self._directory)
        assert self._directory is not None
        os.fsync(self._directory)

    def _translate(self, error: OSError) -> PublishError:
        advice = _ADVICE.get(error.errno or 0)
        reason = error.strerror or str(error)
        kind = errno.errorcode.get(error.errno or 0, "other")
        if advice is None:
            return self._error(f"{reason}; the labels published before stay", kind=kind)
        return self._error(f"{self._path.parent}: {reason}; {advice}", kind=kind, retryable=False)

    def _error(self, reason: str, *, kind: str, retryable: bool = True) -> PublishError:
        return PublishError(self.name, str(self._path), reason, kind=kind, retryable=retryable)


def _read_features(path: Path) -> Labels:
    """Return the labels that NFD reads there now; none out of a file that is too large for it."""
    content = path.read_bytes()
    return parse_lines(content.decode(errors="replace"), time.time()) if len(content) <= MAX_BYTES else {}


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
