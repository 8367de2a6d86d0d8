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
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False)
    return text
