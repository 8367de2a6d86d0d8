"""Connect with the pod's service account: the token and certificate authority that Kubernetes mounts.

The kubernetes package can read the same files, but its import takes 17 MiB and a quarter of a second, more
than the rest of the agent. gfd uses it only for kubeconfigs and proxies, in :mod:`gfd.kube.kubeconfig`.
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

SOURCE = "the pod's service account"
FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def load_connection(
    environ: Mapping[str, str], token_file: Path = FOLDER / "token", authority: Path = FOLDER / "ca.crt"
) -> Connection:
    """Return the connection of a pod that has the environment ``environ``. Raises ApiError."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise _make_error("KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is empty")
    if not authority.is_file():
        raise _make_error(f"there is no file {authority}")
    # No retries: the callers know which requests can be repeated, and when.
    pool = PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(authority), retries=False)

    def authorization() -> dict[str, str]:
        # Read each time: the kubelet renews the token long before it expires.
        try:
            token = read_text(token_file, CONFIGURATION_BYTES)
        except OSError as error:
            raise _make_error(f"{token_file}: {error.strerror}") from error
        headers = make_header(f"Bearer {token}", str(token_file))
        if not headers:
            raise _make_error(f"{token_file} is empty")
        return headers

    authorization()
    url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    return Connection(url, pool, authorization, source=SOURCE)


def _make_error(reason: str) -> ApiError:
    advice = "is automountServiceAccountToken false?"
    return ApiError(f"{SOURCE} cannot be used: {reason}; {advice}", kind="credentials")
