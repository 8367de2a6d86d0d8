from __future__ import annotations

import pytest

from gfd.documents.comments import has_comments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("a: b\n", False),
        ("a: b # c\n", True),
        ("# c\na: b\n", True),
        ("a: b\n# c", True),
        ("a: é # c", True),
        ("a:\n- b\n\n# c\n- d\n", True),
        ("a: |\n  # text\nb: c\n", False),
        ("a: |\n  text\n# c\nb: c\n", True),
        ("a: 'x # y'\nb: \"x # y\"\nc: http://x#y\n", False),
        ("a: x\n---\n# c\nb: y\n", True),
        ('{"a": "# b"}\n', False),
    ],
)
def test_comments_are_found(text: str, expected: bool) -> None:
    assert has_comments(text) is expected
