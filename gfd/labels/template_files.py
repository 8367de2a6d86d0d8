"""Read the operator's templates.

All templates are read when the configuration is loaded, before any is used. A change in the folder takes
effect when the configuration is loaded again, for all templates at once.
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
    """A template of the operator."""

    name: str
    """Path below the folder, as in ``{% include %}``."""
    path: str
    text: str


def read(folder: Path) -> tuple[TemplateFile, ...]:
    """Read every ``*.j2`` file below ``folder``, sorted by name.

    Raises TemplateError if a file cannot be read, if everybody may write to the folder, or if all templates
    together exceed 1 MiB.
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
            raise TemplateError(str(folder), 0, "contains more than 1 MiB of templates; remove unused ones")
        sources.append(TemplateFile(name=name, path=str(path), text=text))
    return tuple(sources)


def _find(folder: Path) -> Iterator[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise TemplateError(
            str(folder), 0, f"the directory cannot be read: {error.strerror}; check --template-dir"
        ) from error
    for entry in entries:
        # Kubernetes mounts a ConfigMap as links into hidden folders.
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _find(entry)
        elif entry.suffix == SUFFIX:
            yield entry
