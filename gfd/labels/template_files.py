"""The operator's own templates, read whole before any is used.

What is in force is what was read when the configuration was loaded: a folder that changes under a running
service changes nothing until it is loaded again, and then all of it or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gfd.errors import TemplateError
from gfd.files import CONFIGURATION_BYTES, describe_unsafe_directory, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIX = ".j2"


class TemplateFile(NamedTuple):
    """One template."""

    name: str
    """As templates call it: its path below the folder."""
    path: str
    text: str


def read(folder: Path) -> tuple[TemplateFile, ...]:
    """Return every ``*.j2`` below ``folder``, by name.

    Raises TemplateError, also where everybody may write there and for more than 1 MiB of all together.
    """
    reason = describe_unsafe_directory(folder)
    if reason is not None:
        raise TemplateError(str(folder), 0, reason)
    sources: list[TemplateFile] = []
    size = 0
    for path in sorted(_find(folder)):
        name = str(path.relative_to(folder))
        try:
            text = read_text(path, CONFIGURATION_BYTES)
        except OSError as error:
            raise TemplateError(str(path), 0, f"cannot be read: {error.strerror}") from error
        size += len(text.encode())
        if size > CONFIGURATION_BYTES:
            raise TemplateError(str(folder), 0, "holds more than 1 MiB of templates; remove what is not used")
        sources.append(TemplateFile(name=name, path=str(path), text=text))
    return tuple(sources)


def _find(folder: Path) -> Iterator[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise TemplateError(str(folder), 0, f"the directory cannot be read: {error.strerror}") from error
    for entry in entries:
        # Kubernetes keeps what a ConfigMap holds in hidden folders, and links to it.
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _find(entry)
        elif entry.suffix == SUFFIX:
            yield entry
