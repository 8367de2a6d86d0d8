"""Load cel-expr-python, which is installed by the extra ``dra``."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel.errors import CelMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXTENSIONS = (
    ("bindings", 0),
    ("optional", None),
    ("strings", 2),
    ("lists", None),
    ("sets", None),
    ("two-var-comprehensions", None),
)
"""The extensions of CEL that Kubernetes switches on, each with its version; None is the newest.

Source: ``k8s.io/apiserver/pkg/cel/environment/base.go``.
"""
_PROTOBUF = "google.protobuf.descriptor_pool"


@cache
def load_cel() -> Any:
    """Return the module of cel-expr-python. Raises CelMissing."""
    try:
        from cel_expr_python import cel
    except ImportError as error:
        raise CelMissing from error
    return cel


def make_environment(**options: Any) -> Any:
    """Return an environment with Kubernetes' extensions of CEL. Raises CelMissing.

    ``options`` are those of ``NewEnv``: variables, functions.
    """
    cel = load_cel()
    lines = (
        f"  - name: {name}" + ("" if number is None else f"\n    version: {number}")
        for name, number in _EXTENSIONS
    )
    config = cel.NewEnvConfigFromYaml("\n".join(("extensions:", *lines, "")))
    with _without_protobuf():
        return cel.NewEnv(config=config, **options)


@contextmanager
def _without_protobuf() -> Iterator[None]:
    """Hide the package protobuf, which the runtime would use for types of messages if it is installed.

    The runtime ends the process if the package is older than 4.22, as it often is beside machine learning.
    """
    missing = object()
    found = sys.modules.get(_PROTOBUF, missing)
    sys.modules[_PROTOBUF] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if found is missing:
            del sys.modules[_PROTOBUF]
        else:
            sys.modules[_PROTOBUF] = found  # type: ignore[assignment]
