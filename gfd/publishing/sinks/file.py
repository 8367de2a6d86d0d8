"""The feature file that NFD's local source reads.

NFD must never read half a file, and must notice a new one at once. So gfd writes the new file in a hidden
subdirectory, which stays, and renames it: a temporary file beside the feature file would wake nfd-worker
before the rename, and it would miss the change. An unchanged file is left alone, because every change wakes
nfd-worker. A changed file is touched a second later (:mod:`gfd.publishing.sinks.delayed_touch`).
"""

from __future__ import annotations

import os
import time
from threading import Lock
from typing import TYPE_CHECKING

from gfd.publishing.sinks.delayed_touch import touch_later
from gfd.publishing.sinks.feature_text import (
    MAX_BYTES,
    format_expiry,
    format_labels,
    parse_features,
    split_expiry,
)
from gfd.publishing.sinks.file_errors import make_error, translate
from gfd.publishing.sinks.file_status import (
    check_target,
    is_regular,
    is_same,
    read_features,
    read_own,
    stat_file,
)
from gfd.publishing.sinks.staging import StagingFolder
from gfd.publishing.sinks.staging_files import StagingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange
    from gfd.publishing.sinks.file_status import FileStatus


class FileSink:
    """One feature file, written by one gfd at a time."""

    name = "file"

    def __init__(self, path: Path, *, ttl_s: float | None = None, renew_s: float = 0) -> None:
        """``ttl_s`` is how long labels live without renewal; None means for ever.

        :meth:`publish` renews them after half of that time, or if less than ``renew_s`` is left.
        """
        self._path = path.absolute()
        self._ttl_s = ttl_s
        self._renew_s = max(renew_s, (ttl_s or 0) / 2)
        self._directory: int | None = None
        self._staging: StagingFolder | None = None
        self._published: str | None = None
        """What gfd last wrote to the file; None if unknown."""
        self._on_drift: Callable[[Drift], None] | None = None
        self._reported: FileStatus | None = None
        """The file's status when a change by somebody else was last reported; None after a repair."""
        self._mutex = Lock()
        """Held while the file is changed: :meth:`inspect` runs in another thread."""

    @property
    def target(self) -> str:
        """The path of the file."""
        return str(self._path)

    def publish(self, labels: Labels) -> bool:
        """Replace the file if its labels differ or expire soon. Raises PublishError."""
        text = format_labels(labels)
        now_s = time.time()
        size = len(text.encode())
        if size + len(format_expiry(now_s)) > MAX_BYTES:
            reason = f"{size} bytes of labels, and NFD reads at most {MAX_BYTES}"
            raise make_error(self._path, reason, kind="too_large", retryable=False)
        with self._mutex:
            try:
                staging, _ = self._open()
                found = read_own(self._path)
                if found is not None and self._is_current(found, text, now_s):
                    self._published, self._reported = found, None
                    return False
                text = (format_expiry(now_s + self._ttl_s) if self._ttl_s else "") + text
                # inspect runs afterwards: it notices even a file that comes and goes between two polls.
                touch_later(staging.put(text), self.inspect)
                self._published, self._reported = text, None
            except (OSError, StagingError) as error:
                self._release()
                raise translate(self._path, error) from error
        return True

    def withdraw(self) -> bool:
        """Remove the file and the hidden directory; return whether there was a file.

        Raises PublishError, also while another gfd writes the file.
        """
        if not self._path.parent.is_dir():
            return False
        with self._mutex:
            self._published = self._reported = None
            try:
                staging, directory = self._open()
                found = is_regular(self._path)
                if found:
                    os.unlink(self._path.name, dir_fd=directory)
                staging.remove()
                if found:
                    touch_later(os.dup(directory))
            except (OSError, StagingError) as error:
                raise translate(self._path, error) from error
            finally:
                self._release()
        return found

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return the changes to the file, and the labels of other feature files. Raises PublishError."""
        # Imported late because it costs memory: the agent never previews.
        from gfd.publishing.preview import preview_replace

        try:
            check_target(self._path)
            found = {
                file.name: read_features(file)
                for file in sorted(self._path.parent.iterdir())
                if file == self._path or (file.name[0] != "." and file.is_file())
            }
        except OSError as error:
            raise translate(self._path, error) from error
        own = found.pop(self._path.name, {})
        return preview_replace(own, labels, found)

    def has_labels(self) -> bool:
        """Return whether the file exists."""
        return self._path.is_file()

    def watch(self, on_drift: Callable[[Drift], None]) -> None:
        """Let :meth:`inspect` call ``on_drift``."""
        self._on_drift = on_drift

    def inspect(self) -> None:
        """Report it if somebody changed or deleted the file. Every other writer counts as a rival."""
        with self._mutex:
            if self._published is None or self._on_drift is None:
                return
            status, found = stat_file(self._path), read_own(self._path)
            if found != self._published and status != self._reported:
                self._reported = status
                self._on_drift(self._describe_drift(self._published, found))

    def close(self) -> None:
        """Release the lock, so that another gfd can write the file; the file itself stays."""
        with self._mutex:
            self._published = self._reported = None
            self._release()

    def _describe_drift(self, published: str, found: str | None) -> Drift:
        # Imported late because it costs memory: others rarely change the file.
        from gfd.publishing.drift import Drift

        if not os.path.lexists(self._path):
            return Drift(sink=self.name, what="deleted", is_rival=True, is_urgent=True)
        now_s = time.time()
        differences = parse_features(published, now_s).items() ^ parse_features(found or "", now_s).items()
        keys = tuple(sorted({key for key, _ in differences}))
        return Drift(sink=self.name, keys=keys, is_rival=True, is_urgent=True)

    def _release(self) -> None:
        if self._staging is not None:
            self._staging.close()
        if self._directory is not None:
            os.close(self._directory)
        self._staging = self._directory = None

    def _open(self) -> tuple[StagingFolder, int]:
        """Open the hidden folder and the directory. Raises PublishError, StagingError, OSError."""
        # The directory may have been removed and created again.
        if (
            self._staging is not None
            and self._directory is not None
            and is_same(self._directory, self._path.parent)
            and self._staging.is_in_place
        ):
            return self._staging, self._directory
        self._release()
        try:
            self._directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            check_target(self._path)
            self._staging = StagingFolder(self._directory, self._path)
        except BaseException:
            self._release()
            raise
        return self._staging, self._directory

    def _is_current(self, found: str, text: str, now_s: float) -> bool:
        expires_s, published = split_expiry(found)
        if published != text:
            return False
        if self._ttl_s is None:
            return expires_s is None
        # If the clock was set back, the labels would live longer than ``ttl_s``.
        return expires_s is not None and self._renew_s < expires_s - now_s <= self._ttl_s + 1
