"""Read the pod's name, namespace and node from the claims in its service account's token."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from gfd.kube.service_account import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKEN_BYTES = 1 << 16


def read_pod_variables(environ: Mapping[str, str], token_file: Path = FOLDER / "token") -> dict[str, str]:
    """Return NODE_NAME, NAMESPACE and POD_NAME from the claims in the pod's token.

    Leave out variables that ``environ`` sets; return nothing outside a pod. The values are in the claim
    ``kubernetes.io`` of a token that is bound to a pod. Only the API server checks the signature.
    """
    if not environ.get("KUBERNETES_SERVICE_HOST"):
        return {}
    claims = _read_claims(token_file)
    found = {
        "NODE_NAME": _name(claims.get("node")),
        "NAMESPACE": claims.get("namespace"),
        "POD_NAME": _name(claims.get("pod")),
    }
    return {name: value for name, value in found.items() if isinstance(value, str) and not environ.get(name)}


def _read_claims(token_file: Path) -> dict[str, Any]:
    from gfd.files import read_bytes

    try:
        payload = read_bytes(token_file, TOKEN_BYTES).split(b".")[1]
        # Tokens omit the padding of Base64.
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=="))["kubernetes.io"]
    except (OSError, ValueError, IndexError, KeyError, TypeError, RecursionError):
        # The pod has no token, or a token of another kind.
        return {}
    return claims if isinstance(claims, dict) else {}


def _name(reference: object) -> object:
    return reference.get("name") if isinstance(reference, dict) else None
