"""Values out of a YAML file, each knowing where it stands: what is wrong can be said in one sentence."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.documents.values import shorten
from gfd.errors import InventoryError
from gfd.files import CONFIGURATION_BYTES, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_NUMBER = 2**63
_VERSION_PART = re.compile("[0-9]{1,6}")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return what to say after "there is no ``word``": the nearest known one, and all of them."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}known are {', '.join(names)}" if names else "there is none"


def load(path: Path) -> Field:
    """Return the content of a YAML (or JSON) file, or of the one text in a ConfigMap.

    Raises InventoryError where it is neither, cannot be read or is another object of Kubernetes.
    """
    from gfd.documents import plainyaml

    try:
        text = read_text(path, CONFIGURATION_BYTES)
    except OSError as error:
        raise InventoryError(str(path), "", f"cannot be read: {error.strerror}") from error
    last_line = len(text.splitlines())
    try:
        value = plainyaml.load(text)
        if isinstance(value, dict) and "kind" in value:
            inner, last_line = _unwrap(path, text)
            value = plainyaml.load(inner)
    except plainyaml.PlainYamlError as error:
        place = f"{path}:{min(error.line, last_line)}" if error.line else str(path)
        raise InventoryError(place, "", f"is not YAML: {error}") from error
    return Field(source=str(path), path="", value=value)


def _unwrap(path: Path, text: str) -> tuple[str, int]:
    """Return the text in a ConfigMap and its last line, ``text`` itself where that is none.

    Raises InventoryError for other objects of Kubernetes.
    """
    from gfd.documents.configmap import is_kubernetes_object, unwrap
    from gfd.documents.tree import TreeError, read_tree

    try:
        tree = read_tree(text.encode())
        if is_kubernetes_object(tree):
            inner = unwrap(text.encode(), tree, "the text of such a file")
            return inner.text, inner.last_line
    except TreeError as error:
        raise InventoryError(f"{path}:{error.line}", "", str(error)) from error
    return text, len(text.splitlines())


class Field(NamedTuple):
    """A value in ``source``, at ``path`` (``gpus[0].model``)."""

    source: str
    path: str
    value: Any

    def error(self, reason: str) -> InventoryError:
        """Return the error to raise about this field."""
        return InventoryError(self.source, self.path, reason)

    def field(self, key: str) -> Field:
        """Return the field under ``key``; its value is None where there is none."""
        return self._child(f".{key}" if self.path else key, self.table().get(key))

    def fields(self) -> Iterator[tuple[str, Field]]:
        """Return all keys with their fields."""
        return ((key, self.field(key)) for key in self.table())

    def table(self) -> dict[str, Any]:
        """Return a mapping whose keys are text; nothing counts as an empty one."""
        value = {} if self.value is None else self.value
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self.error("a mapping from names to values is needed")
        return value

    def only(self, *known: str) -> Field:
        """Return this mapping; raise InventoryError where it has other keys than ``known``."""
        for key in self.table():
            if key not in known:
                raise self.field(key).error(f"there is no such field; {nearest(key, known)}")
        return self

    def items(self) -> list[Field]:
        """Return the elements of a list."""
        if not isinstance(self.value, list):
            raise self.error("a list is needed")
        return [self._child(f"[{index}]", value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self.value, str):
            # YAML takes 11.2 for a number, and 0000:07:00.0 for one to the base 60.
            raise self.error(f"a text is needed, not {self._found}; put it in quotes")
        return self.value

    def whole(self, least: int = 0) -> int:
        """Return a whole number of at least ``least`` and less than 2^63."""
        if (
            not isinstance(self.value, int)
            or isinstance(self.value, bool)
            or not least <= self.value < MAX_NUMBER
        ):
            raise self.error(f"a whole number of at least {least} is needed, not {self._found}")
        return self.value

    def version(self) -> tuple[int, int]:
        """Return major and minor of a version such as "12.4"."""
        major, _, minor = self.text().partition(".")
        if not (_VERSION_PART.fullmatch(major) and _VERSION_PART.fullmatch(minor)):
            raise self.error(f'a version such as "12.4" is needed, not {self._found}')
        return int(major), int(minor)

    def truth(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self.error(f"true or false is needed, not {self._found}")
        return self.value

    @property
    def _found(self) -> str:
        """The value in short: with anchors of anchors a few lines are without end."""
        if isinstance(self.value, dict | list):
            return f"a {'mapping' if isinstance(self.value, dict) else 'list'} of {len(self.value)}"
        return shorten(repr(self.value))

    def _child(self, step: str, value: Any) -> Field:
        return Field(source=self.source, path=f"{self.path}{step}", value=value)
