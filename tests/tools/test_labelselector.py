from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.requirement import LARGEST, Requirement, whole
from gfd.labels.syntax import check
from gfd.tools.labelselector import parse
from gfd.tools.match.validation import of_label_key, of_label_value

LABELS = {"zone": "a", "count": "8", "empty": "", "word": "in", "padded": "01"}


@pytest.mark.parametrize(
    ("text", "is_taken"),
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
def test_what_a_selector_takes(text: str, is_taken: bool) -> None:
    selector = parse(text)
    assert selector.text == text
    assert selector.matches(LABELS) is is_taken


REQUIREMENT = "unable to parse requirement: "
INTEGER = "for 'Gt', 'Lt' operators, the value must be an integer"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a b", REQUIREMENT + "found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("!", REQUIREMENT + "found '', expected: identifier"),
        ("a in b", REQUIREMENT + "found 'b' expected: '('"),
        ("a in (b", REQUIREMENT + "found '', expected: ',' or ')'"),
        ("a in (b c)", REQUIREMENT + "found 'c', expected: ',' or ')'"),
        ("a in (=)", REQUIREMENT + "found '=', expected: ',', ')' or identifier"),
        ("a in (b,=)", REQUIREMENT + "found '=', expected: ',', or identifier"),
        ("a=!", REQUIREMENT + "found '!', expected: identifier"),
        ("a>x", REQUIREMENT + f'Invalid value: "x": {INTEGER}'),
        ("a>", REQUIREMENT + f'Invalid value: "": {INTEGER}'),
        ("a=-b", REQUIREMENT + f'Invalid value: "-b": {of_label_value("-b")}'),
        ("a in (b,c_)", REQUIREMENT + f'Invalid value: "c_": {of_label_value("c_")}'),
        ("-a", REQUIREMENT + f'Invalid value: "-a": {of_label_key("-a")}'),
        ("A.b/c/d", REQUIREMENT + f'Invalid value: "A.b/c/d": {of_label_key("A.b/c/d")}'),
    ],
)
def test_what_is_no_selector(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value) == reason


@given(st.text(alphabet="ab1=!,()<>in not-./ \t", max_size=20))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    try:
        selector = parse(text)
    except ValueError:
        return
    for each in selector.requirements:
        for value in each.values or ("",):
            check(each.key, value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        (str(LARGEST), LARGEST),
        (str(LARGEST + 1), None),
        (str(-LARGEST - 1), -LARGEST - 1),
        (str(-LARGEST - 2), None),
        ("", None),
        ("1_0", None),
        (" 1", None),
        ("٣", None),
        ("0x10", None),
        ("1.0", None),
    ],
)
def test_numbers_as_go_reads_them(text: str, number: int | None) -> None:
    assert whole(text) == number


def test_a_number_that_is_none_exceeds_nothing() -> None:
    assert not Requirement(key="zone", operator="Lt", values=("5",)).matches(LABELS)
    assert not Requirement(key="count", operator="Gt", values=("x",)).matches(LABELS)
