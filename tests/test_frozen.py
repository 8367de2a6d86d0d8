from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from gfd import frozen


@frozen.dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A value."""

    first: int
    second: str = "b"
    others: dict[str, int] = frozen.field(default_factory=dict)
    inner: tuple[Ours, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.first}{self.second}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A value."""

    first: int
    second: str = "b"
    others: dict[str, int] = dataclasses.field(default_factory=dict)
    inner: tuple[Theirs, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.first}{self.second}"


GIVEN: list[dict[str, Any]] = [{"first": 1}, {"first": 2, "second": "c", "others": {"x": 1}, "inner": ()}]


@pytest.mark.parametrize("given", GIVEN)
def test_a_value_is_what_a_dataclass_is(given: dict[str, Any]) -> None:
    ours, theirs = Ours(**given), Theirs(**given)
    names = [field.name for field in dataclasses.fields(theirs)]
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert frozen.asdict(ours) == dataclasses.asdict(theirs)
    assert [field.name for field in frozen.fields(ours)] == names
    assert ours.both == theirs.both
    assert (Ours.__doc__, Ours.__module__) == (Theirs.__doc__, Theirs.__module__)
    assert get_type_hints(Ours).keys() == get_type_hints(Theirs).keys()


def test_values_are_equal_by_their_fields() -> None:
    assert Ours(first=1) == Ours(first=1)
    assert Ours(first=1) != Ours(first=2)
    assert Ours(first=1) != Theirs(first=1)  # type: ignore[comparison-overlap]
    inner = Ours(first=1, others=None)  # type: ignore[arg-type] # which can be hashed
    assert len({inner, Ours(first=1, others=None), frozen.replace(inner, first=2)}) == 2  # type: ignore[arg-type]


def test_a_default_is_made_for_each() -> None:
    assert Ours(first=1).others is not Ours(first=1).others
    assert [field.default for field in frozen.fields(Ours)] == [frozen.MISSING, "b", frozen.MISSING, ()]
    assert repr(frozen.MISSING) == "MISSING"


@pytest.mark.parametrize(
    "change", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_a_copy_is_equal(change: Any) -> None:
    value = Ours(first=1, inner=(Ours(first=2),))
    assert change(value) == value


def test_a_value_is_replaced_and_taken_apart() -> None:
    value = frozen.replace(Ours(first=1, inner=(Ours(first=3),)), first=2)
    assert frozen.asdict(value) == {
        "first": 2,
        "second": "b",
        "others": {},
        "inner": ({"first": 3, "second": "b", "others": {}, "inner": ()},),
    }


def test_a_value_stays_as_it_is() -> None:
    value = Ours(first=1)
    with pytest.raises(AttributeError, match=r"Ours\.first cannot be set: the value is frozen"):
        value.first = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"Ours\.first cannot be deleted: the value is frozen"):
        del value.first
    with pytest.raises(AttributeError):
        object.__setattr__(value, "other", 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Ours: the field first is needed"),
        ({"first": 1, "third": 3}, "Ours: there is no field third"),
        ({"second": 1, "third": 3}, "Ours: there is no field third; the field first is needed"),
    ],
)
def test_fields_that_do_not_fit(given: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Ours(**given)
    assert str(caught.value) == message


def test_what_is_a_value() -> None:
    found = [Ours, Ours(first=1), Theirs, Theirs(first=1), int, 1, tuple[int, ...]]
    assert [frozen.is_dataclass(each) for each in found] == [True, True, *[False] * 5]


def test_nothing_dear_is_imported() -> None:
    code = "import sys, gfd.frozen; print({'dataclasses', 'inspect'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_whatever_is_frozen_is_declared_by_it() -> None:
    """Its functions take no other values, though to mypy both kinds are one."""
    here = Path(__file__)
    sources = [path for name in ("gfd", "bench", "tests") for path in (here.parents[1] / name).rglob("*.py")]
    texts = {path: path.read_text() for path in sources if path != here}
    assert len(texts) > 300
    declaring = [path for path, text in texts.items() if "from dataclasses import dataclass" in text]
    assert declaring
    assert [path for path in declaring if "@dataclass(frozen" in texts[path]] == []
