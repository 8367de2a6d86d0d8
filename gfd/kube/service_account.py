"""The pod's own service account: a token and a certificate authority, in files that Kubernetes puts there.

The kubernetes package reads the same files, and takes 17 MiB and a quarter of a second to be imported, more
than all that an agent does with them. What it alone can is behind :mod:`gfd.kube.kubeconfig`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urllib3 import PoolManager

from gfd.errors import ApiError
from gfd.files import CONFIGURATION_BYTES, read_text
from gfd.kube.authorization import make_header
from gfd.kube.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def load_connection(
    environ: Mapping[str, str], token_file: Path = FOLDER / "token", authority: Path = FOLDER / "ca.crt"
) -> Connection:
    """Return the connection of the pod whose environment is ``environ``. Raises ApiError."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise _refusal("KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is empty")
    if not authority.is_file():
        raise _refusal(f"{authority}: there is no such file")
    # The caller knows better than the pool which request may be made again, and when.
    pool = PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(authority), retries=False)

    def authorization() -> dict[str, str]:
        # The kubelet renews it, long before it expires.
        try:
            token = read_text(token_file, CONFIGURATION_BYTES)
        except OSError as error:
            raise _refusal(f"{token_file}: {error.strerror}") from error
        headers = make_header(f"Bearer {token}", str(token_file))
        if not headers:
            raise _refusal(f"{token_file} is empty")
        return headers

    authorization()
    return Connection(f"https://{f'[{host}]' if ':' in host else host}:{port}", pool, authorization)


def _refusal(reason: str) -> ApiError:
    hint = "is automountServiceAccountToken false?"
    return ApiError(f"the pod's service account cannot be used: {reason}; {hint}", kind="credentials")
