"""Tells when a labelling, a reload or a repair should start because something changed.

It polls: procfs has no inotify. It belongs to the service's main thread, which calls :meth:`Watch.poll`
whenever it wakes and sleeps no longer than :attr:`Watch.wait_s`. What it looks at is in
:mod:`gfd.agent.fingerprints`.
"""

from __future__ import annotations

from enum import Flag, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.agent.fingerprints import Reader

IDLE_S = 0.75
"""Between two polls while nothing happens."""
BURST_S = 0.25
"""Between two polls while something does."""
QUIET_S = 0.5
"""Without a change for so long, a burst of changes is over. mig-parted pauses for up to 0.4 s."""
LIMIT_S = 9.0
"""So long after its first change was seen, a burst is answered even if it goes on."""
MAX_TORN = 2
"""Readings in a row to throw away because the hardware changed meanwhile: perhaps reading changes it."""


class Change(Flag):
    """What is due."""

    HARDWARE = auto()
    """A labelling."""
    CONFIGURATION = auto()
    """A reload."""
    FILE = auto()
    """A look at the feature file. Also gfd's own writing makes it due."""


class Burst:
    """Makes one answer of many changes. Times are of one monotonic clock."""

    def __init__(self) -> None:
        self.since_s: float | None = None
        """When the first change was seen that is not answered; None if all are."""
        self._latest_s = 0.0

    @property
    def due_s(self) -> float | None:
        """When to answer if nothing more happens."""
        return None if self.since_s is None else min(self._latest_s + QUIET_S, self.since_s + LIMIT_S)

    def note(self, now_s: float, since_s: float | None = None) -> None:
        """Take in a change; ``since_s`` is when it was first seen, if it was answered but not well."""
        known_s = (time_s for time_s in (self.since_s, since_s, now_s) if time_s is not None)
        self.since_s = min(known_s)
        self._latest_s = now_s

    def take(self, now_s: float) -> float | None:
        """Return since when something waits for an answer if that is due, and only once."""
        if self.due_s is None or now_s < self.due_s:
            return None
        since_s, self.since_s = self.since_s, None
        return since_s


class _Watched:
    """Places that are answered together, and how they looked last."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._seen = read()
        self.burst = Burst()

    def has_changed(self) -> bool:
        """Look again; tell whether anything looks different from the last time."""
        before, self._seen = self._seen, self._read()
        return self._seen != before

    def follow(self, read: Reader) -> None:
        """Watch what ``read`` reads. A place that stays keeps its look: what happens meanwhile counts."""
        self._read = read
        self._seen = {place: self._seen.get(place, look) for place, look in read().items()}


class Watch:
    """Says what is due. What is there when it is made is no change.

    Around each reading of the hardware the service calls :meth:`begin_reading` and :meth:`end_reading`. In
    between no hardware is polled: reading may itself make device nodes.
    """

    def __init__(self, hardware: Reader, configuration: Reader, file: Reader = dict) -> None:
        self._hardware = _Watched(hardware)
        self._configuration = _Watched(configuration)
        self._file = _Watched(file)
        self._polled_s = 0.0
        self._is_reading = False
        self._answering_s: float | None = None
        """When the first change was seen that the next reading answers."""
        self._torn = 0

    @property
    def is_settled(self) -> bool:
        """Whether the hardware was at rest at the last poll.

        A reading for no other reason than its age had better wait if not; :meth:`poll` asks for one soon.
        """
        return self._hardware.burst.since_s is None

    @property
    def wait_s(self) -> float:
        """How long after the last poll to poll again."""
        watched = (self._configuration,) if self._is_reading else (self._configuration, self._hardware)
        dues_s = [one.burst.due_s - self._polled_s for one in watched if one.burst.due_s is not None]
        return max(0.0, min([BURST_S, *dues_s])) if dues_s else IDLE_S

    def poll(self, now_s: float) -> Change:
        """Return what is due, falsy for nothing; each burst is due once."""
        self._polled_s = now_s
        due = Change(0)
        if self._configuration.has_changed():
            self._configuration.burst.note(now_s)
        if self._configuration.burst.take(now_s) is not None:
            due |= Change.CONFIGURATION
        if self._file.has_changed():
            due |= Change.FILE
        if self._is_reading:
            return due
        if self._hardware.has_changed():
            self._hardware.burst.note(now_s)
        if (since_s := self._hardware.burst.take(now_s)) is not None:
            self._answering_s = since_s
            due |= Change.HARDWARE
        return due

    def follow(self, hardware: Reader, configuration: Reader, file: Reader = dict) -> None:
        """Watch the places of a new configuration; call it between readings, as soon as that is known."""
        self._hardware.follow(hardware)
        self._configuration.follow(configuration)
        self._file.follow(file)

    def begin_reading(self, now_s: float) -> None:
        """Look at the hardware before it is read."""
        self._is_reading = True
        if self._hardware.has_changed():
            self._hardware.burst.note(now_s)

    def end_reading(self, now_s: float) -> bool:
        """Return whether what was read may be published; call it after a failed reading, too.

        A reading during which the hardware changed may be half of one layout and half of another. It is not
        to be published, and another comes due, unless the change it answers has waited for LIMIT_S. After
        MAX_TORN of that sort in a row the next is taken as it is, and nothing more comes due for it.
        """
        self._is_reading = False
        since_s, self._answering_s = self._answering_s, None
        if not self._hardware.has_changed() or self._torn == MAX_TORN:
            self._torn = 0
            return True
        self._torn += 1
        is_late = since_s is not None and now_s >= since_s + LIMIT_S
        self._hardware.burst.note(now_s, None if is_late else since_s)
        return is_late
