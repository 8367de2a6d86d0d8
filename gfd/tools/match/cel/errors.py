"""What can go wrong with a CEL expression."""

from __future__ import annotations

from gfd.errors import GfdError, Undecided


class CelMissing(Undecided):
    """The package that checks and evaluates CEL is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "CEL expressions cannot be judged: the package cel-expr-python is not installed; "
            "pip install 'gfd[dra]'"
        )


class NotSupported(Undecided):
    """The expression may be valid, but gfd cannot judge it; the text says what it uses."""


class CompileError(GfdError):
    """The API server refuses the expression."""

    def __init__(self, message: str, line: int, column: int) -> None:
        """Describe the error; line and column begin at 1, within the expression."""
        super().__init__(f"{message} (line {line}, column {column})")
        self.message = message
        self.line = line
        self.column = column


class EvaluationError(GfdError):
    """The expression fails on a device; the scheduler then allocates nothing at all for the claim."""

    def __init__(self, reason: str, *, missing: str = "", guard: str = "") -> None:
        """Describe the error.

        ``missing`` is the attribute or capacity that the device does not have, if that is the reason, and
        ``guard`` an expression that is true only if the device has it.
        """
        super().__init__(reason)
        self.missing = missing
        self.guard = guard
