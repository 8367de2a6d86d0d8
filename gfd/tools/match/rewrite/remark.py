"""What a person has to know about one part of a rewritten object."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A part of an object that stays although it deserves a look, or that a claim cannot express."""

    line: int
    """The line in the file."""
    subject: str
    """The label, resource or field: ``nvidia.com/gpu.count=8``."""
    reason: str
    """What happens to it and why; it goes on with the sentence that begins with the subject."""
    step: str = ""
    """What to do next; empty if there is nothing to do."""
    is_lost: bool = False
    """Whether the claim does not express it."""

    @property
    def text(self) -> str:
        """Return the remark as one sentence."""
        return f"{self.subject} {self.reason}{'; ' + self.step if self.step else ''}"
