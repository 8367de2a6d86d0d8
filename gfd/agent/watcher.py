"""Decides when a cycle, a reload or a repair is due because something changed.

It polls, since procfs has no inotify. It belongs to the main thread, which calls :meth:`Watcher.poll`
whenever it wakes and sleeps no longer than :attr:`Watcher.wait_s`. What is watched is in
:mod:`gfd.agent.watch_sources`.
"""

from __future__ import annotations

from enum import Flag, auto
from typing import TYPE_CHECKING

from gfd.agent.debouncer import LIMIT_S, Debouncer

if TYPE_CHECKING:
    from gfd.agent.watch_sources import ReadFingerprints

IDLE_S = 0.75
"""Between two polls while nothing changes."""
BUSY_S = 0.25
"""Between two polls while something does."""
MAX_INCONSISTENT = 2
"""Reads in a row to discard because the hardware changed meanwhile: perhaps the read itself changes it."""


class Task(Flag):
    """What is due."""

    CYCLE = auto()
    """The hardware has changed."""
    RELOAD = auto()
    """The configuration has changed."""
    INSPECT = auto()
    """The feature file has changed, perhaps by gfd itself."""


class _Sources:
    """What is watched together, and its fingerprints at the latest look."""

    def __init__(self, read: ReadFingerprints) -> None:
        self._read = read
        self._fingerprints = read()
        self.debouncer = Debouncer()

    def has_changed(self) -> bool:
        """Return whether any fingerprint differs from the last time."""
        before, self._fingerprints = self._fingerprints, self._read()
        return self._fingerprints != before

    def replace(self, read: ReadFingerprints) -> None:
        """Watch other sources. One that stays keeps its fingerprint, so a change meanwhile is seen."""
        self._read = read
        self._fingerprints = {path: self._fingerprints.get(path, new) for path, new in read().items()}


class Watcher:
    """Says what is due. What is there at the start is not a change.

    Call :meth:`begin_read` before and :meth:`end_read` after each read of the hardware. In between no
    hardware is polled: a read may itself make device nodes.
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
        """Whether the hardware did not change lately.

        If not, a cycle at the interval should wait: :meth:`poll` soon asks for one.
        """
        return self._hardware.debouncer.since_s is None

    @property
    def wait_s(self) -> float:
        """How long after the latest poll the next is due."""
        watched = (self._configuration,) if self._is_reading else (self._configuration, self._hardware)
        dues_s = [due_s for sources in watched if (due_s := sources.debouncer.due_s) is not None]
        return max(0.0, min(BUSY_S, *(due_s - self._polled_s for due_s in dues_s))) if dues_s else IDLE_S

    def poll(self, now_s: float) -> Task:
        """Return what is due, falsy for nothing."""
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
        """Return whether the result may be used; call it after a failed read, too.

        A read during which the hardware changed may have half of one MIG layout and half of another. It is
        discarded and another is due, unless the change that it answers has waited for LIMIT_S. After
        MAX_INCONSISTENT such reads in a row the next is used, and no further one is due for it.
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
