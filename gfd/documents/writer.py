"""Write YAML that means the same to Go's yaml.v2, PyYAML and gfd. Import it late: it imports PyYAML."""

from __future__ import annotations

from typing import Any

import yaml

from gfd.documents.scalars import resolve

# libyaml's emitter is ten times as fast. Some builds of PyYAML lack it.
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    """Quotes a string that one of them would read as something else, such as ``y`` or ``1e3``."""


def _write_string(dumper: Any, text: str) -> Any:
    # A text with several lines becomes a block, so that people can read it.
    style = "|" if "\n" in text else None if isinstance(resolve(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _write_string)


def write(value: Any, *, width: int | None = None) -> str:
    """Return ``value``, made of dicts, lists and scalars, as YAML; ``width`` is where long lines break."""
    # PyYAML's allow_unicode does not escape U+0085, which then reads back as a blank.
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=width)
    return text
