"""Evaluate the CEL expressions of DeviceClasses and ResourceClaims on devices, as kube-scheduler does.

:func:`compile_expression` checks an expression as the API server of Kubernetes 1.37 does, and
:meth:`Expression.matches` evaluates it on a device. The package cel-expr-python (the extra
``dra``), which :mod:`.library` loads, does both. What Kubernetes adds is here:

1. :mod:`.environments` declares the device, and the functions for quantities and versions of :mod:`.values`.
2. :mod:`.text` makes an absent domain an empty map.
3. :mod:`.support` finds what the package does not do as Kubernetes does: such an expression is not judged.
4. :mod:`.program` brings this together, and :mod:`.references` names the attribute that a device lacks.
"""

from gfd.tools.match.cel.errors import CelMissing, CompileError, EvaluationError, NotSupported
from gfd.tools.match.cel.expression import Expression, compile_expression

__all__ = [
    "CelMissing",
    "CompileError",
    "EvaluationError",
    "Expression",
    "NotSupported",
    "compile_expression",
]
