from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.kube.selectors import parse
from gfd.labels.syntax import check

LABELS = {"zone": "a", "count": "8", "empty": "", "word": "in", "padded": "01"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        (" ", True),
        ("zone", True),
        ("!zone", False),
        ("! zone", False),
        ("rack", False),
        ("!rack", True),
        ("zone=a", True),
        ("zone == a", True),
        ("zone=b", False),
        ("zone!=a", False),
        ("rack!=a", True),
        ("zone in (a,b)", True),
        ("zone in(a)", True),
        ("zone in ( b , c )", False),
        ("zone notin (b,c)", True),
        ("rack notin (b)", True),
        ("empty=", True),
        ("zone=", False),
        ("empty in ()", True),
        ("empty in (,x)", True),
        ("empty in (x,)", True),
        ("empty in (x,,y)", True),
        ("empty in (x,y)", False),
        ("count>7", True),
        ("count>8", False),
        ("count < 9", True),
        ("count<8", False),
        ("padded>0", True),
        ("padded<2", True),
        ("zone>0", False),
        ("rack>0", False),
        ("word in (in,notin)", True),
        ("zone=a,count>4,!rack", True),
        ("zone=a,count>4,rack", False),
        ("in notin (x)", True),
    ],
)
def test_matching_labels(text: str, matches: bool) -> None:
    selector = parse(text)
    assert selector.text == text
    assert selector.matches(LABELS) is matches


def unreadable(rest: str) -> str:
    return f"cannot read {rest!r}; write zone=a, count>4, !spot or zone in (a,b), with commas between them"


LEGAL = "may hold only letters, digits, '-', '_' and '.', and must begin and end with a letter or digit"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("=a", unreadable("=a")),
        (",a", unreadable(",a")),
        ("a,", unreadable("a,")),
        ("a,,b", unreadable(",b")),
        ("a,b=c d", unreadable("b=c d")),
        ("!a=b", unreadable("!a=b")),
        ("a b", unreadable("a b")),
        ("!", unreadable("!")),
        ("a in b", unreadable("a in b")),
        ("xin (a)", unreadable("xin (a)")),
        ("a in (b", unreadable("a in (b")),
        ("a in (b c)", unreadable("a in (b c)")),
        ("a in (=)", unreadable("a in (=)")),
        ("a in (b,=)", unreadable("a in (b,=)")),
        ("a=!", unreadable("a=!")),
        ("a>x", "'x' is not a whole number; > and < compare whole numbers"),
        ("a>", "'' is not a whole number; > and < compare whole numbers"),
        ("a=-b", f"'-b' is not a label value: the value {LEGAL}"),
        ("a in (b,c_)", f"'c_' is not a label value: the value {LEGAL}"),
        ("a in (\xa0)", f"'\\xa0' is not a label value: the value {LEGAL}"),
        ("-a", f"'-a' is not a label key: the key's name {LEGAL}"),
        (
            "A.b/c",
            (
                "'A.b/c' is not a label key: the key's prefix is not a DNS name in lower case, such as"
                " example.com"
            ),
        ),
    ],
)
def test_illegal_selectors(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value) == reason


@given(st.text(alphabet="ab1=!,()<>in not-./ \t", max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        selector = parse(text)
    except ValueError:
        return
    for each in selector.requirements:
        for value in each.values or ("",):
            check(each.key, value)
