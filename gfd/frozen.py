"""Frozen values, declared as dataclasses for a fiftieth of the price.

The standard library writes the source of six methods for each dataclass and compiles it, 1 to 2 ms a class,
and imports ``inspect`` to do so; one-shot declares thirty. Here all classes share methods that go by the
names of the fields: declaring one costs 0.03 ms, making a value as little as theirs. attrs compiles as
dataclasses do; msgspec declares as fast, but takes 20 ms to import.

Type checkers are shown the dataclasses of the standard library, and check as much.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MISSING", "asdict", "dataclass", "field", "fields", "is_dataclass", "replace"]


_MISSING: Any = type("_Missing", (), {"__repr__": lambda _: "MISSING"})()


class _Field:
    """A field, and its default; :data:`MISSING` for one without."""

    __slots__ = ("default", "default_factory", "name")

    def __init__(self, *, default: Any = _MISSING, default_factory: Any = None) -> None:
        self.name = ""
        self.default = default
        self.default_factory = default_factory


class _Value:
    __slots__ = ()
    if TYPE_CHECKING:  # they are no fields
        _fields: dict[str, _Field]
        _setters: tuple[tuple[str, Callable[[object, Any], None]], ...]
        _key: Callable[[object], tuple[Any, ...]]
        _defaults: dict[str, Any]
        _factories: dict[str, Callable[[], Any]]

    def __init__(self, /, **given: Any) -> None:
        if len(given) < len(self._setters):
            made = {name: make() for name, make in self._factories.items() if name not in given}
            given = {**self._defaults, **made, **given}
        if len(given) > len(self._setters):
            raise TypeError(f"{type(self).__name__}: {_explain(given, self._fields)}")
        try:
            for name, put in self._setters:
                put(self, given[name])
        except KeyError:
            raise TypeError(f"{type(self).__name__}: {_explain(given, self._fields)}") from None

    def __setattr__(self, name: str, _value: Any) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set: the value is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted: the value is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key(self) == self._key(other)

    def __hash__(self) -> int:
        return hash(self._key(self))

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__qualname__}({said})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), tuple(getattr(self, name) for name in self._fields))


def _explain(given: dict[str, Any], fields: dict[str, _Field]) -> str:
    unknown = [f"there is no field {name}" for name in given if name not in fields]
    lacking = [f"the field {name} is needed" for name in fields if name not in given]
    return "; ".join(unknown + lacking)


def _restore(kind: Any, values: tuple[Any, ...]) -> Any:
    return kind(**dict(zip(kind._fields, values, strict=True)))


def _declare(*, frozen: bool, slots: bool, kw_only: bool) -> Callable[[type], type]:
    """Say what all such values are, for those who read the class; only True is possible."""
    assert frozen
    assert slots
    assert kw_only
    return _finish


def _finish(kind: type) -> type:
    """Return the class of values that ``kind`` describes. Its annotations have to be strings."""
    assert kind.__bases__ == (object,)
    namespace = dict(vars(kind))
    found = {}
    for name in kind.__annotations__:
        given = namespace.pop(name, _MISSING)
        found[name] = given if isinstance(given, _Field) else _Field(default=given)
        found[name].name = name
    del namespace["__dict__"], namespace["__weakref__"]
    namespace["__slots__"] = tuple(found)
    namespace["_fields"] = found
    namespace["_defaults"] = {
        name: each.default for name, each in found.items() if each.default is not _MISSING
    }
    namespace["_factories"] = {
        name: each.default_factory for name, each in found.items() if each.default_factory is not None
    }
    # With the class, so that it is a tuple whatever fields there are.
    namespace["_key"] = attrgetter("__class__", *found)
    finished: Any = type(kind.__name__, (_Value,), namespace)
    # The slots' own, past the __setattr__ that refuses.
    finished._setters = tuple((name, vars(finished)[name].__set__) for name in found)
    return finished  # type: ignore[no-any-return]


def _is_declared(value: object) -> bool:
    return issubclass(value if isinstance(value, type) else type(value), _Value)


def _list(value: Any) -> tuple[_Field, ...]:
    return tuple(value._fields.values())


def _replace(value: Any, /, **changes: Any) -> Any:
    return type(value)(**{**{name: getattr(value, name) for name in value._fields}, **changes})


def _to_plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_to_plain, value))
    if isinstance(value, _Value):
        return {name: _to_plain(getattr(value, name)) for name in value._fields}
    return value


if TYPE_CHECKING:
    from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
else:
    MISSING, dataclass, field = _MISSING, _declare, _Field
    asdict, fields, is_dataclass, replace = _to_plain, _list, _is_declared, _replace
