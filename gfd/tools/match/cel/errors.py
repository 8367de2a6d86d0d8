"""What goes wrong with CEL expressions."""

from __future__ import annotations


class EvaluationError(Exception):
    """An expression has no value for a device: the scheduler gives up on the pod then."""

    def __init__(self, text: str, *, missing: str = "", guard: str = "") -> None:
        """``text`` says what happened."""
        super().__init__(text)
        self.missing = missing
        """The absent attribute or capacity as written; empty if the reason is another one."""
        self.guard = guard
        """The expression that guards it; empty without one."""
