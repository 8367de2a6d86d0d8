"""Load cel-expr-python, which is installed by the extra ``dra``."""

from __future__ import annotations

from functools import cache
from typing import Any

from gfd.tools.match.cel.errors import CelMissing

EXTENSIONS = """\
extensions:
  - name: bindings
  - name: optional
  - name: strings
    version: 2
  - name: lists
  - name: sets
  - name: two-var-comprehensions
"""
"""The extensions of CEL that Kubernetes switches on, in the runtime's own notation.

Source: ``k8s.io/apiserver/pkg/cel/environment/base.go``.
"""


@cache
def load_cel() -> Any:
    """Return the module of cel-expr-python. Raises CelMissing."""
    try:
        from cel_expr_python import cel
    except ImportError as error:
        raise CelMissing from error
    return cel


def load_extensions(*names: str) -> Any:
    """Return a configuration with Kubernetes' extensions of CEL, and others by name. Raises CelMissing."""
    more = "".join(f"  - name: {name}\n" for name in names)
    return load_cel().NewEnvConfigFromYaml(EXTENSIONS + more)
