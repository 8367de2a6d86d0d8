"""All errors of gfd, in one tree.

GfdError                what happened, where, and the next step
├─ Undecided            it is unknown whether all is well, because something could not be judged
├─ SeveralErrors        several errors, each on a line of its own
├─ ConfigError          an option that cannot be used
├─ DocumentError        a YAML or JSON file, or a value in it, that cannot be used
├─ ProbeError           the hardware could not be read
│  ├─ MalformedAnswer   the process that reads the hardware sent an answer that gfd did not write
│  ├─ DriverUnavailable NVML or CUDA cannot be used: no library, no driver, or versions that do not match
│  │  └─ CudaUnavailable CUDA cannot be used, and NVML was not asked or named an integrated GPU
│  └─ DriverCallFailed  a function of a driver's library failed
│     ├─ NvmlCallFailed
│     └─ CudaCallFailed
├─ ApiError             the Kubernetes API server refused a request, or did not answer
├─ TemplateError        a template does not compile or render
├─ LabelError           a label that may not be published
└─ PublishError         a sink could not publish the labels

Code that calls a library or the system raises one of these ``from`` the original error. The cycle of the
service catches them and goes on; the command line catches them and exits. Other code catches one only to
record what is missing: a fact of a GPU, or labels in a sink.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from gfd.text import redact, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class GfdError(Exception):
    """The base of all errors; its text is a message for a person."""


class Undecided(GfdError):
    """It is unknown whether all is well, because something could not be judged."""


class SeveralErrors(GfdError):
    """Several errors, each on a line of its own."""

    def __init__(self, errors: Sequence[GfdError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


class ConfigError(GfdError):
    """An option that cannot be used."""

    def __init__(self, option: str, origin: str, reason: str) -> None:
        """Describe the error; ``origin`` is ``command line``, an environment variable, or ``file:line``."""
        super().__init__(f"{_limit(option)} ({origin}): {_limit(reason)}")
        self.option = option
        self.origin = origin
        self.reason = reason


class DocumentError(GfdError):
    """A YAML or JSON file that cannot be used, or a value in it."""

    def __init__(self, source: str, line: int, reason: str, path: str = "", *, column: int = 0) -> None:
        """Describe the error in ``source``; for the whole file, ``line`` is 0 and ``path`` is empty.

        ``column`` is 0 where only the line is known.
        """
        place = ":".join([source, *(str(number) for number in (line, column) if number)])
        super().__init__(
            f"{place}: {_limit(path)}: {_limit(reason)}" if path else f"{place}: {_limit(reason)}"
        )
        self.source = source
        self.line = line
        self.column = column
        self.reason = reason
        self.path = path


class ProbeError(GfdError):
    """The hardware could not be read."""

    def __init__(self, reason: str, advice: str = "") -> None:
        """Describe the error; ``advice`` is the next step, starting with a lower-case letter."""
        super().__init__(f"{reason}; {advice}" if advice else reason)
        self.reason = reason
        self.advice = advice


class MalformedAnswer(ProbeError):
    """The process that reads the hardware sent an answer that gfd did not write."""

    def __init__(
        self,
        reason: str = "the process that reads the hardware sent a malformed answer",
        advice: str = "the driver's library may have written to its pipe",
    ) -> None:
        super().__init__(reason, advice)


class DriverUnavailable(ProbeError):
    """The driver cannot be used on this machine now."""


class CudaUnavailable(DriverUnavailable):
    """The CUDA driver cannot be used on this machine now."""


class DriverCallFailed(ProbeError):
    """A function of one of the driver's libraries failed."""

    library: ClassVar[str]
    """The name of the library, in messages."""

    def __init__(self, function: str, device: str, code: int, text: str) -> None:
        """Describe the error; ``code`` is the library's, ``device`` is empty for the whole system."""
        where = f" on {device}" if device else ""
        super().__init__(f"{function}{where} failed: {text} ({self.library} error {code})")
        self.function = function
        self.device = device
        self.code = code
        self.text = text


class NvmlCallFailed(DriverCallFailed):
    """An NVML function failed; the code is an nvmlReturn_t."""

    library = "NVML"


class CudaCallFailed(DriverCallFailed):
    """A function of the CUDA driver failed; the code is a CUresult."""

    library = "CUDA"


class ApiError(GfdError):
    """The Kubernetes API server refused a request or did not answer, or no request could be sent."""

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        status: int = 0,
        verb: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Describe the error; redact credentials in ``message``, because libraries and servers repeat them.

        ``kind`` is the server's reason in one word; ``status`` the HTTP code, 0 without an answer; ``verb``
        Kubernetes' verb for the request; ``details`` those of the server's Status object.
        """
        super().__init__(redact(message))
        self.kind = kind
        self.status = status
        self.verb = verb
        self.details: Mapping[str, Any] = details or {}
        self.retry_after_s = retry_after_s


class TemplateError(GfdError):
    """A template does not compile or render."""

    def __init__(self, template: str, line: int, reason: str, expression: str = "") -> None:
        """Describe the error; ``line`` is 0 for an error of the whole file."""
        place = f"{template}, line {line}" if line else template
        shown = f" in «{expression}»" if expression else ""
        super().__init__(f"template {place}: {reason}{shown}")
        self.template = template
        self.line = line
        self.reason = reason
        self.expression = expression


class LabelError(GfdError):
    """A label that may not be published."""

    def __init__(self, key: str, value: str, rule: str, origin: str = "") -> None:
        """Describe the error; ``origin`` is ``template:line`` if a template wrote the label."""
        place = f" (written by {origin})" if origin else ""
        super().__init__(f"label {key}={value}: {rule}{place}")
        self.key = key
        self.value = value
        self.rule = rule
        self.origin = origin


class PublishError(GfdError):
    """A sink could not publish the labels."""

    def __init__(
        self,
        sink: str,
        target: str,
        reason: str,
        *,
        retryable: bool = True,
        kind: str = "other",
        retry_after_s: float | None = None,
    ) -> None:
        """Describe the error; ``kind`` is the reason in one word, for counting: ``ENOSPC``, ``locked``.

        ``retry_after_s`` is how long the API server wants gfd to wait.
        """
        super().__init__(f"sink {sink}: {target}: {reason}")
        self.sink = sink
        self.target = target
        self.reason = reason
        self.retryable = retryable
        self.kind = kind
        self.retry_after_s = retry_after_s


def _limit(text: str) -> str:
    """Return at most 1,000 characters: a file can hold a megabyte on one line."""
    return shorten(text, 1000)
