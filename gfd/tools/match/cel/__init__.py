"""Evaluate the CEL expressions of DeviceClasses and ResourceClaims on devices, as kube-scheduler does.

:func:`compile_expression` checks an expression as the API server of Kubernetes 1.37 does, and
:meth:`Expression.matches` evaluates it on a device. The parser, the type checker and the functions that
every CEL has come from the package cel-expr-python (the extra ``dra``); what Kubernetes adds is here:

1. :mod:`.library` loads the package, and :mod:`.declarations` declares the device and Kubernetes' functions.
2. :mod:`.checker` checks an expression, with :mod:`.device_fields`, :mod:`.literals` and :mod:`.complexity`
   for what only Kubernetes checks. :mod:`.syntax_reader` reads its tree.
3. :mod:`.evaluation` turns the tree into Python functions, with :mod:`.operators`, :mod:`.lookup` and
   :mod:`.equality`. :mod:`.functions` finds the functions that are called; :mod:`.values` has their values.
4. :mod:`.program` evaluates it on a device, whose value is made by :mod:`.device_value`.

What gfd does not have raises NotSupported, never a wrong answer: times, durations, bytes, URLs, formats, and
expressions that may cost more than the API server allows.
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
