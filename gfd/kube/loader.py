"""Choose the credentials: a kubeconfig, or the pod's service account."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gfd.kube.connection import Connection

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def load_connection(
    kubeconfig: Path | None, context: str | None = None, environ: Mapping[str, str] = os.environ
) -> Connection:
    """Read the credentials and return the connection. Raises ApiError if no credentials can be used.

    ``kubeconfig`` may name several files, separated as in KUBECONFIG.
    """
    # Their warnings are for developers, or repeat what the user chose: not to check a certificate.
    warnings.filterwarnings("ignore", module=r"(urllib3|requests)(\.|$)")
    # Imported late because the kubernetes package takes 17 MiB and a quarter of a second.
    is_pod = kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in environ
    if is_pod and not any(environ.get(name) for name in _PROXY_VARIABLES):
        from gfd.kube.service_account import load_connection as load_service_account

        return load_service_account(environ)
    from gfd.kube.kubeconfig import load_connection as load_kubeconfig
    from gfd.kube.kubeconfig import load_pod_connection

    return load_pod_connection() if is_pod else load_kubeconfig(kubeconfig, context)
