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


_RAISED = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError)
MAX_DIGITS = 100
MAX_NUMBER = 2**64


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

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Refuse a number that no field takes: Python cannot even print one of 5,000 digits."""
        number: int | None = None
        if len(node.value) < MAX_DIGITS:
            number = super().construct_yaml_int(node)
        if number is None or abs(number) >= MAX_NUMBER:
            raise yaml.constructor.ConstructorError(None, None, "a number is too large", node.start_mark)
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def load_all(text: str) -> Iterator[Any]:
    """Yield the documents of ``text``. Raises PlainYamlError."""
    try:
        yield from yaml.load_all(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PlainYamlError(line, str(error.problem)) from error
    except (yaml.YAMLError, *_RAISED) as error:
        # PyYAML raises the last few for a tag that does not fit its value, such as !!bool 5.
        raise PlainYamlError(0, str(error).partition("\n")[0] or "a value does not fit its tag") from error
    except RecursionError:
        raise PlainYamlError(0, "it is nested too deeply") from None


def load(text: str) -> Any:
    """Return the first document of ``text``; None where there is none. Raises PlainYamlError."""
    return next(load_all(text), None)
