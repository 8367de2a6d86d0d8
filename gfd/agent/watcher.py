"""Decide when a cycle, a reload or a repair is due because something changed.

The watcher polls, because procfs has no inotify. The main thread calls :meth:`Watcher.poll` whenever it
wakes, and sleeps for at most :attr:`Watcher.wait_s`. :mod:`gfd.agent.watch_sources` lists the watched files.
"""

from __future__ import annotations

from enum import Flag, auto
from typing import TYPE_CHECKING

from gfd.agent.debouncer import LIMIT_S, Debouncer

if TYPE_CHECKING:
    from gfd.agent.watch_sources import ReadFingerprints

IDLE_S = 0.75
"""The time between two polls while nothing changes."""
BUSY_S = 0.25
"""The time between two polls while something changes."""
MAX_INCONSISTENT = 2
"""How many reads in a row to discard because the hardware changed; perhaps the read itself changes it."""


class Task(Flag):
    """What is due."""

    CYCLE = auto()
    """The hardware has changed."""
    RELOAD = auto()
    """The configuration has changed."""
    INSPECT = auto()
    """The feature file has changed, perhaps by gfd itself."""


class _Sources:
    """Files that are watched together, and their latest fingerprints."""

    def __init__(self, read: ReadFingerprints) -> None:
        self._read = read
        self._fingerprints = read()
        self.debouncer = Debouncer()

    def has_changed(self) -> bool:
        """Return whether any fingerprint differs from the last time."""
        before, self._fingerprints = self._fingerprints, self._read()
        return self._fingerprints != before

    def replace(self, read: ReadFingerprints) -> None:
        """Watch other files. A file that stays keeps its fingerprint, so that no change is missed."""
        self._read = read
        self._fingerprints = {path: self._fingerprints.get(path, new) for path, new in read().items()}


class Watcher:
    """Finds out what is due. The state at the start does not count as a change.

    Call :meth:`begin_read` before and :meth:`end_read` after each read of the hardware. In between, the
    hardware is not polled: the read itself may create device nodes.
    """

    def __init__(
        self, hardware: ReadFingerprints, configuration: ReadFingerprints, file: ReadFingerprints = dict
    ) -> None:
        self._hardware = _Sources(hardware)
        self._configuration = _Sources(configuration)
        self._file = _Sources(file)
        self._polled_s = 0.0
        self._is_reading = False
        self._answering_s: float | None = None
        """When the first change was seen that the next read answers."""
        self._inconsistent = 0
        """Reads in a row that were discarded."""

    @property
    def is_stable(self) -> bool:
        """Whether the hardware has not changed recently.

        If it has, the cycle at the interval should wait: :meth:`poll` soon returns that one is due.
        """
        return self._hardware.debouncer.since_s is None

    @property
    def wait_s(self) -> float:
        """How long to wait between the latest poll and the next one."""
        watched = (self._configuration,) if self._is_reading else (self._configuration, self._hardware)
        dues_s = [due_s for sources in watched if (due_s := sources.debouncer.due_s) is not None]
        return max(0.0, min(BUSY_S, *(due_s - self._polled_s for due_s in dues_s))) if dues_s else IDLE_S

    def poll(self, now_s: float) -> Task:
        """Return what is due; the result is false if nothing is."""
        self._polled_s = now_s
        due = Task(0)
        if self._configuration.has_changed():
            self._configuration.debouncer.add(now_s)
        if self._configuration.debouncer.take(now_s) is not None:
            due |= Task.RELOAD
        if self._file.has_changed():
            due |= Task.INSPECT
        if self._is_reading:
            return due
        if self._hardware.has_changed():
            self._hardware.debouncer.add(now_s)
        if (since_s := self._hardware.debouncer.take(now_s)) is not None:
            self._answering_s = since_s
            due |= Task.CYCLE
        return due

    def replace_sources(
        self, hardware: ReadFingerprints, configuration: ReadFingerprints, file: ReadFingerprints = dict
    ) -> None:
        """Watch the sources of a new configuration; call it between reads."""
        self._hardware.replace(hardware)
        self._configuration.replace(configuration)
        self._file.replace(file)

    def begin_read(self, now_s: float) -> None:
        """Take the fingerprints of the hardware before it is read."""
        self._is_reading = True
        if self._hardware.has_changed():
            self._hardware.debouncer.add(now_s)

    def end_read(self, now_s: float) -> bool:
        """Return whether the result of the read may be used; call it after a failed read, too.

        If the hardware changed during the read, the result may have half of one MIG layout and half of
        another. So it must be discarded and another read is due, unless the change that caused the read is
        older than LIMIT_S. After MAX_INCONSISTENT such reads in a row, the next result may be used.
        """
        self._is_reading = False
        since_s, self._answering_s = self._answering_s, None
        if not self._hardware.has_changed() or self._inconsistent == MAX_INCONSISTENT:
            self._inconsistent = 0
            return True
        self._inconsistent += 1
        is_late = since_s is not None and now_s >= since_s + LIMIT_S
        self._hardware.debouncer.add(now_s, None if is_late else since_s)
        return is_late
