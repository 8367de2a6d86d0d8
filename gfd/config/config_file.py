"""Read the config file of NVIDIA's device plugin as the device plugin reads it.

Keys match without regard to case, except inside ``sharing.timeSlicing`` and ``sharing.mps``. Null means
absent, but ``timeSlicing: null`` is an error. gfd ignores the keys that the original ignores, but it warns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gfd.config.file_keys import KINDS, MPS, SECTION_TREE, TIME_SLICING
from gfd.config.file_values import read_texts
from gfd.config.file_warnings import FileWarnings, UnknownKey
from gfd.config.options import COMMAND_LINE
from gfd.config.sharing_sections import check_resources, read_sharing
from gfd.documents.configmap import read_configuration
from gfd.documents.value import describe
from gfd.errors import ConfigError, DocumentError
from gfd.files import CONFIGURATION_BYTES, read_bytes
from gfd.labels.sharing import Sharing
from gfd.text import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gfd.documents.value import Value

VERSION = "v1"
_SMALL_NS = 10**6


class FileValue(NamedTuple):
    """The value of an option in the file, as texts for a flag, and its line."""

    texts: tuple[str, ...]
    line: int


class ConfigFile(NamedTuple):
    """The content of a config file."""

    source: str
    values: Mapping[str, FileValue]
    """The values by key; the keys are the ``file_key`` of options."""
    sharing: Sharing
    warnings: tuple[str, ...]
    unknown_keys: tuple[UnknownKey, ...]
    sharing_line: int = 0
    """The line of the section for :attr:`sharing`; 0 if there is none."""


_READ_ADVICE = {
    FileNotFoundError: "; check the path",
    IsADirectoryError: "; name a file",
    PermissionError: "; make it readable for the user that gfd runs as",
}


def read(path: Path, option: str = "--config-file", origin: str = COMMAND_LINE) -> ConfigFile:
    """Return the content of the config file at ``path``, or of the ConfigMap in it.

    ``option`` and ``origin`` name, for errors, the option with the path and its origin. Raises ConfigError.
    """
    try:
        data = read_bytes(path, CONFIGURATION_BYTES)
    except OSError as error:
        # A missing file that the command line names is a usage error; an unreadable file is not.
        is_misuse = origin == COMMAND_LINE and isinstance(error, FileNotFoundError)
        place = origin if is_misuse or origin != COMMAND_LINE else str(path)
        advice = _READ_ADVICE.get(type(error), "")
        raise ConfigError(option, place, f"cannot read {path}: {error.strerror}{advice}") from error
    reader = _SectionReader(str(path))
    try:
        reader.read(read_configuration(data, str(path), "a configuration"), SECTION_TREE)
        return reader.finish()
    except DocumentError as error:
        place = f"{error.source}:{error.line}"
        raise ConfigError(shorten(error.path) or option, place, error.reason) from error


class _SectionReader:
    """Collects the values of all sections."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._version: Value | None = None
        self._values: dict[str, FileValue] = {}
        self._sharing: dict[str, tuple[Sharing, int]] = {}
        """The sharing of each section, and its line."""
        self._warnings = FileWarnings()

    def finish(self) -> ConfigFile:
        """Return the content. MPS wins over time slicing, and the last of several ``version`` keys wins."""
        if self._version and self._version.content not in {"", VERSION}:
            raise self._version.error(f"expected {VERSION}, found {describe(self._version.content)}")
        sharing, line = self._sharing.get(MPS) or self._sharing.get(TIME_SLICING) or (Sharing(), 0)
        return ConfigFile(
            source=self._source,
            values=self._values,
            sharing=sharing,
            sharing_line=line,
            warnings=tuple(
                f"{self._source}:{line}: {text}" for line, text in sorted(self._warnings.messages)
            ),
            unknown_keys=tuple(sorted(self._warnings.unknown_keys, key=lambda unknown: unknown.line)),
        )

    def read(self, section: Value, known: Mapping[str, object]) -> None:
        """Read a section. ``known`` has its keys; the value of a key that is a section is a mapping.

        If one key has several spellings, the last in byte order wins; several spellings of a section are
        merged. So does the original, because it converts the file to JSON with sorted keys.
        """
        if section.path == "resources" and isinstance(section.content, tuple):
            raise section.error(f"expected a mapping, found a list; did you mean {TIME_SLICING}.resources?")
        by_folded = {name.lower(): name for name in known}
        for key, value in sorted(section.mapping().items()):
            name = by_folded.get(key.lower())
            if name is None:
                self._warnings.add_unknown(value, key, known)
                continue
            named = value._replace(path=f"{section.path}.{name}" if section.path else name)
            inner = known[name]
            if isinstance(inner, dict):
                self.read(named, inner)
            else:
                self._read_value(named)

    def _read_value(self, value: Value) -> None:
        if value.path in {MPS, TIME_SLICING}:
            self._read_sharing(value)
        elif value.path.startswith("resources."):
            check_resources(value, self._warnings)
        elif value.path == "version":
            if isinstance(value.content, dict | tuple):
                raise value.error(f"expected {VERSION}, found {describe(value.content)}")
            self._version = self._version if value.content is None else value
        elif value.content is None:
            self._values.pop(value.path, None)
        else:
            self._read_option(value)

    def _read_sharing(self, value: Value) -> None:
        if value.content is None and value.path == MPS:
            self._sharing.pop(value.path, None)
        else:
            strategy = "mps" if value.path == MPS else "time-slicing"
            self._sharing[value.path] = read_sharing(value, strategy, self._warnings), value.line

    def _read_option(self, value: Value) -> None:
        kind = KINDS[value.path]
        texts = read_texts(kind, value)
        self._values[value.path] = FileValue(texts=texts, line=value.line)
        is_number = isinstance(value.content, int | float) and not isinstance(value.content, bool)
        if kind == "duration" and is_number and 0 < int(texts[0].removesuffix("ns")) < _SMALL_NS:
            text = f"{value.path} is {texts[0]}, since a number means nanoseconds; write a unit"
            self._warnings.add(value, text)
