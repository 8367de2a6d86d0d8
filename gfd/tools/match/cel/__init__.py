"""Evaluate the CEL expressions of DeviceClasses and ResourceClaims on devices, as kube-scheduler does.

:func:`compile_expression` checks an expression as the API server of Kubernetes 1.37 does, and
:meth:`Expression.matches` evaluates it on a device. The parser, the type checker and the functions that
every CEL has come from the package cel-expr-python (the extra ``dra``); what Kubernetes adds is here:

1. :mod:`.library` loads the package, and :mod:`.declarations` declares the device and Kubernetes' functions.
2. :mod:`.checker` checks the types, with :mod:`.device_fields` and :mod:`.literals` for what only Kubernetes
   checks. :mod:`.syntax` reads the tree of the expression.
3. :mod:`.evaluation` turns the tree into Python functions, with the values of :mod:`.values`, the comparison
   of :mod:`.equality` and the lookup of :mod:`.lookup`. :mod:`.functions` finds the function that is called.

The limit on the cost of an expression is not judged: an expression that loops over loops may be refused by
the API server, or fail in the scheduler, although gfd can evaluate it.
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
