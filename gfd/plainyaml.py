"""YAML that programs wrote and anybody may have changed: a value, or an error that says where.

No more is made of it than its text holds: an anchor that is used again is one value, and merges (``<<``),
which copy, are refused. Import this module late: it imports PyYAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

# The C library's parser is the same, and ten times as fast.
_Fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"


class PlainYamlError(ValueError):
    """Text that is no such YAML."""

    def __init__(self, line: int, reason: str) -> None:
        """``line`` is 0 where that is not known."""
        super().__init__(reason)
        self.line = line


class _Loader(_Fast):  # type: ignore[misc]
    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse what would be merged."""
        for key, _ in node.value:
            if key.tag == _MERGE:
                raise yaml.constructor.ConstructorError(
                    None, None, "merges (<<) are not read", key.start_mark
                )


def load_all(text: str) -> Iterator[Any]:
    """Yield the documents of ``text``. Raises PlainYamlError."""
    try:
        yield from yaml.load_all(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PlainYamlError(line, str(error.problem)) from error
    except (yaml.YAMLError, ValueError) as error:
        raise PlainYamlError(0, str(error).partition("\n")[0]) from error
    except RecursionError:
        raise PlainYamlError(0, "it is nested too deeply") from None


def load(text: str) -> Any:
    """Return the first document of ``text``; None where there is none. Raises PlainYamlError."""
    return next(load_all(text), None)
