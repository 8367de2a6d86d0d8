"""Values of a Kubernetes object that know where they stand, and what its decoder would say of a wrong one.

Kubernetes reads YAML as JSON into Go structs: null is as absent, and a number is no string.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gfd.errors import DocumentError
from gfd.text import escape, suggest
from gfd.tools.match.validation import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.documents.value import Content, Value

_INDEX = re.compile(r"\[[^]]*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A value in an object."""

    file: str
    """As a person names it."""
    line: int
    path: str
    """As Kubernetes writes it: ``spec.containers[0].resources.limits[nvidia.com/gpu]``; empty at the top."""
    value: Content

    def complain(self, what: str) -> DocumentError:
        """Return the error that something is wrong here."""
        return DocumentError(self.file, self.line, escape(what))

    def refuse(self, said: str, hint: str = "") -> DocumentError:
        """Return the error that Kubernetes would refuse this, and what it would say."""
        place = f"{self.path}: " if self.path else ""
        return self.complain(f"Kubernetes would refuse it: {place}{said}{hint}")

    def mistake(self, struct: str, expected: str) -> DocumentError:
        """Return the error that this has another type than the field of a Go struct."""
        field = f"{struct}.{_INDEX.sub('', self.path)}"
        said = f"json: cannot unmarshal {_word(self.value)} into Go struct field {field} of type {expected}"
        hint = "; write a list" if expected.startswith("[]") else ""
        is_text = expected == "string" or expected.endswith(("Operator", "Effect", "Policy"))
        if is_text and isinstance(self.value, bool | int | float):
            hint = f"; put it in quotes: {quoted(json.dumps(self.value))}"
        return self.complain(f"Kubernetes would refuse it: {said}{hint}")

    def member(self, name: str) -> Part | None:
        """Return what stands under ``name``; None where nothing, or null, does."""
        found = self.value.get(name) if isinstance(self.value, dict) else None
        return None if found is None or found.content is None else self._at(self._dotted(name), found)

    def place(self, name: str) -> Part:
        """Return where ``name`` stands, or would stand."""
        found = self.value.get(name) if isinstance(self.value, dict) else None
        return replace(self, line=found.line if found else self.line, path=self._dotted(name))

    def find(self, *names: str) -> Part | None:
        """Return what stands under one name within the other."""
        part: Part | None = self
        for name in names:
            part = part.member(name) if part else None
        return part

    def struct(self, struct: str, expected: str, known: Iterable[str] = ()) -> Part:
        """Return this, a JSON object with no other members than ``known``, unless that is empty.

        ``struct`` and ``expected`` are Go's names of the struct that it is a field of, and of its type.
        """
        if not isinstance(self.value, dict | None):
            raise self.mistake(struct, expected)
        for name in self.value or () if known else ():
            if name not in known:
                raise self.place(name).unknown(known)
        return self

    def check_spelling(self, struct: str, expected: str, fields: Iterable[str]) -> None:
        """Raise DocumentError where a member is written almost as one of ``fields``; others are not known."""
        self.struct(struct, expected)
        by_folded = {field.lower(): field for field in fields}
        for name in self.value if isinstance(self.value, dict) else ():
            near = get_close_matches(name.lower(), by_folded, n=1, cutoff=0.85)
            if near and name not in by_folded.values():
                raise self.place(name).unknown((), f"; did you mean {by_folded[near[0]]}?")

    def unknown(self, known: Iterable[str], hint: str = "") -> DocumentError:
        """Return the error that Kubernetes has no such field."""
        name = self.path.rpartition(".")[2]
        said = f'strict decoding error: unknown field "{self.path}"{hint or suggest(name, known)}'
        return self.complain(f"Kubernetes would refuse it: {said}")

    def entries(self, struct: str, expected: str) -> dict[str, Part]:
        """Return the entries of a map; null is an empty one."""
        if not isinstance(self.value, dict | None):
            raise self.mistake(struct, expected)
        return {name: self._at(f"{self.path}[{name}]", node) for name, node in (self.value or {}).items()}

    def items(self, struct: str, expected: str) -> list[Part]:
        """Return the items of a list; null is an empty one."""
        if not isinstance(self.value, tuple | None):
            raise self.mistake(struct, expected)
        return [self._at(f"{self.path}[{index}]", node) for index, node in enumerate(self.value or ())]

    def items_at(self, *names: str, struct: str, expected: str) -> list[Part]:
        """Return the items of the list that members lead to; none where it is not there."""
        found = self.find(*names)
        return found.items(struct, expected) if found else []

    def text(self, struct: str, expected: str = "string") -> str:
        """Return a string, or what Go declares as one; null is the empty one."""
        if self.value is not None and not isinstance(self.value, str):
            raise self.mistake(struct, expected)
        return self.value or ""

    def number(self, struct: str) -> int:
        """Return a whole number; null is 0."""
        if self.value is not None and (not isinstance(self.value, int) or isinstance(self.value, bool)):
            raise self.mistake(struct, "int32")
        return self.value or 0

    def _dotted(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _at(self, path: str, node: Value) -> Part:
        return Part(file=self.file, line=node.line, path=path, value=node.content)


def text_of(part: Part | None, struct: str, expected: str = "string") -> str:
    """Return the string that a member is; the empty one where there is none."""
    return part.text(struct, expected) if part else ""


def _word(value: Content) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, tuple) else "object"
