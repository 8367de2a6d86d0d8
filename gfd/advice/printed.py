"""What ``kubectl get … -o json`` or ``-o yaml`` printed into a file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from gfd.advice.terminal import shown
from gfd.errors import GfdError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")


def read_objects(path: Path, kind: str, command: str, convert: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """Return the objects of a List, or the one object, each as ``convert`` makes it; ``-``: standard input.

    ``command`` is what prints such a file. ``convert`` raises ValueError for what it cannot take. Raises
    GfdError, naming file and object.
    """
    source = "standard input" if str(path) == "-" else str(path)
    hint = f"expected what {command} prints"
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GfdError(f"{source}: {getattr(error, 'strerror', None) or 'not text'}; {hint}") from error
    found = _parse(text, source, hint)
    items = found.get("items") if str(found.get("kind", "")).endswith("List") else [found]
    if not isinstance(items, list):
        raise GfdError(f"{source}: a {found['kind']} without items; {hint}")
    converted = []
    for number, item in enumerate(items):
        if not isinstance(item, dict) or item.get("kind", kind) != kind:
            what = item.get("kind") if isinstance(item, dict) else type(item).__name__
            raise GfdError(shown(f"{source}: item {number} is a {what}, not a {kind}; {hint}"))
        try:
            converted.append(convert(item))
        except ValueError as error:
            raise GfdError(shown(f"{source}: item {number}{_name(item)} {error}; {hint}")) from error
    return converted


def _name(item: Mapping[str, Any]) -> str:
    metadata = item.get("metadata")
    return f" ({metadata['name']})" if isinstance(metadata, dict) and metadata.get("name") else ""


def _parse(text: str, source: str, hint: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        import yaml

        try:
            found = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{source}:{mark.line + 1}" if mark else source
            raise GfdError(f"{place}: neither JSON nor YAML; {hint}") from error
    if not isinstance(found, dict) or "kind" not in found:
        raise GfdError(f"{source}: no Kubernetes object; {hint}")
    return found
