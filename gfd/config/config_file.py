"""The device plugin's config file, read as leniently as the device plugin reads it.

Sections and their keys match without regard to case, but inside ``sharing.timeSlicing`` and
``sharing.mps`` they must match exactly; null is as good as absent, but not for ``timeSlicing`` itself.
What the original ignores is ignored here too, with a warning that names the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

from gfd.config.file_keys import (
    KINDS,
    MPS,
    RESOURCE_KEYS,
    SHARED_KEYS,
    SHARING_KEYS,
    TIME_SLICING,
    suggest_place,
)
from gfd.config.file_values import READERS, names_all_devices, resource_name
from gfd.config.options import COMMAND_LINE
from gfd.documents.value import describe, is_integer
from gfd.errors import ConfigError, DocumentError
from gfd.files import CONFIGURATION_BYTES, read_bytes
from gfd.labels.sharing import SharedResource, Sharing
from gfd.text import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gfd.documents.value import Content, Value

T = TypeVar("T")

VERSION = "v1"

MAX_UNKNOWN_KEYS = 50
"""So many are told one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileValue:
    """What the file says about one option: the texts a flag would give, and the line."""

    texts: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownKey:
    """A key nobody knows; ``hint`` is ``; did you mean X?`` or empty."""

    path: str
    line: int
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A file that has been read; ``values`` is by the option's file key."""

    source: str
    values: Mapping[str, FileValue]
    sharing: Sharing
    warnings: tuple[str, ...]
    unknown_keys: tuple[UnknownKey, ...]


def read(path: Path, option: str = "--config-file", origin: str = COMMAND_LINE) -> ConfigFile:
    """Read the config file at ``path``, or the one text of a ConfigMap there.

    ``option`` is what named the file, and ``origin`` where that was given. Raises ConfigError for a file that
    cannot be read, is no YAML, or says what the original refuses.
    """
    from gfd.documents.configmap import read_configuration

    try:
        data = read_bytes(path, CONFIGURATION_BYTES)
    except OSError as error:
        # To name what is not there is wrong use of the command line; what is wrong with a file is not.
        is_misuse = origin == COMMAND_LINE and isinstance(error, FileNotFoundError)
        place = origin if is_misuse or origin != COMMAND_LINE else str(path)
        raise ConfigError(option, place, f"cannot read {path}: {error.strerror}") from error
    try:
        document = read_configuration(data, str(path), "the text of a configuration")
    except DocumentError as error:
        raise ConfigError(option, f"{path}:{error.line}", error.reason) from error
    reading = _Reading(str(path))
    reading.section(document, "", _nested(KINDS))
    return reading.result()


class _Reading:
    """What has been found so far in the file ``source``."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.version: Value | None = None
        self.values: dict[str, FileValue] = {}
        self.sharing: dict[str, Sharing] = {}
        self.warnings: list[tuple[int, str]] = []
        self.unknown_keys: list[UnknownKey] = []
        self.has_more_unknown_keys = False

    def result(self) -> ConfigFile:
        """Return it all; MPS hides time slicing, and of two spellings of ``version`` one has won."""
        if self.version and self.version.content not in {"", VERSION}:
            self._refuse(
                self.version, "version", f"expected {VERSION}, found {describe(self.version.content)}"
            )
        return ConfigFile(
            source=self.source,
            values=self.values,
            sharing=self.sharing.get(MPS) or self.sharing.get(TIME_SLICING) or Sharing(),
            warnings=tuple(f"{self.source}:{line}: {text}" for line, text in sorted(self.warnings)),
            unknown_keys=tuple(sorted(self.unknown_keys, key=lambda unknown: unknown.line)),
        )

    def section(self, node: Value, path: str, known: Mapping[str, object]) -> None:
        """Read a section whose keys match without regard to case.

        Of two spellings of one key the later in the order of bytes wins, and sections are merged: the
        original sorts the keys on their way through JSON.
        """
        if node.content is None:
            return
        by_folded = {name.lower(): name for name in known}
        for key, child in sorted(self._members(node, path).items()):
            name = by_folded.get(key.lower())
            if name is None:
                self._unknown(_join(path, key), child, known)
                continue
            inner = known[name]
            if isinstance(inner, dict):
                self.section(child, _join(path, name), inner)
            else:
                self._leaf(child, _join(path, name))

    def _leaf(self, node: Value, path: str) -> None:
        if path.startswith("sharing."):
            self._shared(node, path)
        elif path.startswith("resources."):
            self._resources(node, path)
        elif path == "version":
            if isinstance(node.content, dict | tuple):
                self._refuse(node, path, f"expected {VERSION}, found {describe(node.content)}")
            self.version = self.version if node.content is None else node
        elif node.content is None:
            self.values.pop(path, None)
        else:
            texts = self._checked(READERS[KINDS[path]], node, path)
            self.values[path] = FileValue(texts=texts, line=node.line)
            if (
                KINDS[path] == "duration"
                and not isinstance(node.content, str)
                and 0 < int(texts[0].removesuffix("ns")) < 10**6
            ):
                self._warn(node, f"{path} is {texts[0]}: a number counts nanoseconds; write a unit")

    def _shared(self, node: Value, path: str) -> None:
        """Read ``sharing.timeSlicing`` or ``sharing.mps``, whose keys match exactly."""
        is_mps = path == MPS
        if node.content is None and is_mps:
            self.sharing.pop(path, None)
            return
        members = {} if node.content is None else self._members(node, path)
        self._only(members, SHARING_KEYS, path)
        flags = {
            name: node.content is not None and self._checked(READERS["bool"], node, _join(path, name))
            for name, node in members.items()
            if name in {"renameByDefault", "failRequestsGreaterThanOne"}
        }
        is_renamed = flags.get("renameByDefault") == ("true",)
        entries = self._list(members.get("resources"), f"{path}.resources")
        if not entries:
            hint = f"; replicas belongs into an item of {path}.resources" if "replicas" in members else ""
            self._refuse(node, path, f"shares no resources; list at least one, or remove the section{hint}")
        self.sharing[path] = Sharing(
            strategy="mps" if is_mps else "time-slicing",
            resources=tuple(
                self._shared_resource(entry, f"{path}.resources[{index}]", is_renamed)
                for index, entry in enumerate(entries)
            ),
            is_renamed=is_renamed,
        )

    def _shared_resource(self, node: Value, path: str, is_renamed: bool) -> SharedResource:
        members = self._members(node, path)
        self._only(members, SHARED_KEYS, path)
        for required in ("name", "replicas"):
            if required not in members:
                self._refuse(
                    node, f"{path}.{required}", "is missing; a shared resource has name and replicas"
                )
        name = self._checked(resource_name, members["name"], f"{path}.name")
        replicas = members["replicas"]
        if not is_integer(replicas.content) or not 2 <= replicas.content < 2**63:
            reason = f"expected a whole number of at least 2, found {describe(replicas.content)}"
            self._refuse(replicas, f"{path}.replicas", reason)
        if rename := members.get("rename"):
            new = self._checked(resource_name, rename, f"{path}.rename")
            if not (is_renamed and new == f"{name}.shared"):
                self._warn(rename, f"{path}.rename is ignored: renaming is not supported")
        devices = members.get("devices")
        if devices and not self._checked(names_all_devices, devices, f"{path}.devices"):
            self._warn(devices, f"{path}.devices is ignored: all devices are shared alike")
        return SharedResource(name=name, replicas=replicas.content)

    def _resources(self, node: Value, path: str) -> None:
        """Check ``resources.gpus`` or ``resources.mig``, which the original reads and then drops."""
        entries = self._list(node, path)
        for index, entry in enumerate(entries):
            place = f"{path}[{index}]"
            members = self._members(entry, place)
            self._only(members, RESOURCE_KEYS, place)
            for required, check in (("pattern", READERS["string"]), ("name", resource_name)):
                if required not in members:
                    self._refuse(entry, f"{place}.{required}", "is missing; a resource has pattern and name")
                if required == "name" or members[required].content is not None:
                    self._checked(check, members[required], f"{place}.{required}")
        if entries:
            self._warn(node, f"{path} is ignored: resources cannot be renamed")

    def _members(self, node: Value, path: str) -> dict[str, Value]:
        if not isinstance(node.content, dict):
            is_shared = path == "resources" and isinstance(node.content, tuple)
            hint = f"; did you mean {TIME_SLICING}.resources?" if is_shared else ""
            reason = f"expected keys and values, found {describe(node.content)}{hint}"
            self._refuse(node, path or "the file", reason)
        return node.content

    def _list(self, node: Value | None, path: str) -> tuple[Value, ...]:
        if node is None or node.content is None:
            return ()
        if not isinstance(node.content, tuple):
            self._refuse(node, path, f"expected a list, found {describe(node.content)}")
        return node.content

    def _checked(self, check: Callable[[Content], T], node: Value, path: str) -> T:
        try:
            return check(node.content)
        except ValueError as error:
            self._refuse(node, path, str(error))

    def _refuse(self, node: Value, path: str, reason: str) -> NoReturn:
        raise ConfigError(shorten(path), f"{self.source}:{node.line}", reason)

    def _warn(self, node: Value, text: str) -> None:
        self.warnings.append((node.line, text))

    def _only(self, members: Mapping[str, Value], known: tuple[str, ...], path: str) -> None:
        """Note the keys of ``members`` that are not among ``known``."""
        for key, node in members.items():
            if key not in known:
                self._unknown(_join(path, key), node, known)

    def _unknown(self, path: str, node: Value, siblings: Iterable[str]) -> None:
        """Note a key nobody knows: it belongs in another section, or one of its siblings was meant."""
        if len(self.unknown_keys) == MAX_UNKNOWN_KEYS:
            if not self.has_more_unknown_keys:
                self._warn(
                    node, f"there are more than {MAX_UNKNOWN_KEYS} unknown keys; is this a configuration?"
                )
            self.has_more_unknown_keys = True
            return
        hint = suggest_place(path, siblings, is_list=isinstance(node.content, tuple))
        self.unknown_keys.append(UnknownKey(path=shorten(path), line=node.line, hint=hint))
        # Sections of sharing are misplaced most, and what is in them is often misplaced as well.
        if hint.endswith((f" {TIME_SLICING}?", f" {MPS}?")) and isinstance(node.content, dict):
            self._only(node.content, SHARING_KEYS, path)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _nested(kinds: Mapping[str, str]) -> dict[str, object]:
    """Return dotted keys as the sections they stand in, their kinds as the leaves."""
    tree: dict[str, object] = {}
    for path, kind in kinds.items():
        *sections, name = path.split(".")
        branch = tree
        for section in sections:
            inner = branch.setdefault(section, {})
            assert isinstance(inner, dict)  # no key of the table is also a section
            branch = inner
        branch[name] = kind
    return tree
