"""Write plain values as JSON and YAML."""

from __future__ import annotations

import json
from typing import Any


def to_json(value: Any) -> str:
    """Return dicts, lists and scalars as JSON."""
    return json.dumps(value, indent=2) + "\n"


def to_json_line(value: Any) -> str:
    """Return dicts, lists and scalars as JSON on one line."""
    return json.dumps(value) + "\n"


def to_yaml(value: Any) -> str:
    """Return dicts, lists and scalars as YAML."""
    import yaml

    # libyaml's dumper writes the same text, ten times as fast.
    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: Any = type("LiteralDumper", (base,), {})
    dumper.add_representer(str, _represent_text)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False)
    return text


def _represent_text(dumper: Any, text: str) -> Any:
    """Represent a text with several lines as a block, so that people can read it."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
