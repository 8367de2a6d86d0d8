"""Every way gfd can fail, in one tree.

GfdError                what went wrong, where, and what to do next
├─ SeveralErrors        several of them, each told on a line of its own
├─ ConfigError          an option, the place it came from, and why it is refused
├─ DocumentError        a value in a YAML or JSON file that cannot be used
├─ ProbeError           the hardware could not be read
│  ├─ MalformedAnswer   the process that reads it gave an answer that is none
│  ├─ DriverUnavailable NVML is not there: no library, no driver, or two that do not match
│  └─ NvmlCallFailed    one NVML function failed on one device
├─ ApiError             the Kubernetes API server refused, or did not answer
├─ TemplateError        a template that does not compile or does not render
├─ LabelError           a key or value that Kubernetes, or gfd's own rules, would refuse
└─ PublishError         a sink that could not take the labels

Errors are translated where they happen (``raise … from error``) and caught in two places only: the
cycle, which goes on, and the command line, which exits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


MAX_SAID = 1000
"""Characters of what a file holds, or a place in it, that a message shows."""


class GfdError(Exception):
    """Base of all; its text is a whole sentence for the person who reads it."""


class SeveralErrors(GfdError):
    """Errors that are told together, each on a line of its own."""

    def __init__(self, errors: Sequence[GfdError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


class ConfigError(GfdError):
    """An option that cannot be used."""

    def __init__(self, option: str, origin: str, reason: str) -> None:
        """``origin`` is the flag, the environment variable, or ``file:line`` the value came from."""
        super().__init__(f"{_cut(option)} ({origin}): {_cut(reason)}")
        self.option = option
        self.origin = origin
        self.reason = reason


class DocumentError(GfdError):
    """A value in a YAML or JSON file that cannot be used, or the whole file."""

    def __init__(self, source: str, line: int, reason: str, path: str = "") -> None:
        """``source`` is the file; ``line`` is 0 and ``path`` empty for what is wrong with the whole file."""
        place = f"{source}:{line}" if line else source
        super().__init__(f"{place}: {_cut(path)}: {_cut(reason)}" if path else f"{place}: {_cut(reason)}")
        self.source = source
        self.line = line
        self.reason = reason
        self.path = path


class ProbeError(GfdError):
    """The hardware could not be read."""


class MalformedAnswer(ProbeError):
    """The process that reads the hardware gave an answer that gfd did not write."""

    def __init__(
        self,
        text: str = "the answer of the process that reads the hardware is malformed; the driver's library "
        "may have written to its pipe",
    ) -> None:
        super().__init__(text)


class DriverUnavailable(ProbeError):
    """NVML cannot be used at all on this machine, now."""

    def __init__(self, reason: str, advice: str = "") -> None:
        """``advice`` is the next step, without a capital."""
        super().__init__(f"{reason}; {advice}" if advice else reason)
        self.reason = reason
        self.advice = advice


class NvmlCallFailed(ProbeError):
    """An NVML function answered with an error."""

    def __init__(self, function: str, device: str, code: int, text: str) -> None:
        """``code`` is the nvmlReturn_t; ``device`` is empty for a call about the whole system."""
        where = f" on {device}" if device else ""
        super().__init__(f"{function}{where} failed: {text} (NVML error {code})")
        self.function = function
        self.device = device
        self.code = code
        self.text = text


class ApiError(GfdError):
    """The Kubernetes API server refused, did not answer, or cannot be asked."""

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
        """``kind`` is the server's reason in one word; ``status`` the HTTP code, 0 without an answer.

        ``verb`` is Kubernetes' for what was asked, ``details`` those of the Status object. Credentials in
        ``message`` are replaced: a library, a plugin or a server may repeat what it was given.
        """
        from gfd.credentials import conceal

        super().__init__(conceal(message))
        self.kind = kind
        self.status = status
        self.verb = verb
        self.details: Mapping[str, Any] = details or {}
        self.retry_after_s = retry_after_s


class TemplateError(GfdError):
    """A template that does not compile or render."""

    def __init__(self, template: str, line: int, reason: str, expression: str = "") -> None:
        """``line`` is 0 for what is wrong with the file as a whole."""
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
        """``origin`` is ``template:line`` where a template wrote the label."""
        place = f" (written by {origin})" if origin else ""
        super().__init__(f"label {key}={value}: {rule}{place}")
        self.key = key
        self.value = value
        self.rule = rule
        self.origin = origin


class PublishError(GfdError):
    """Labels that did not reach a sink."""

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
        """``kind`` is the reason in one word, for counting: ``ENOSPC``, ``locked``.

        ``retry_after_s`` is what the other side asks to be left alone for.
        """
        super().__init__(f"sink {sink}: {target}: {reason}")
        self.sink = sink
        self.target = target
        self.reason = reason
        self.retryable = retryable
        self.kind = kind
        self.retry_after_s = retry_after_s


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SAID else f"{text[:MAX_SAID]}…"
