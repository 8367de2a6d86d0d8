"""How the API server is reached: by a kubeconfig, or by the pod's own service account."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from urllib3 import PoolManager

DEFAULT_KUBECONFIG = Path("~/.kube/config")

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class Connection:
    """A server, and what to show it."""

    def __init__(
        self,
        host: str,
        pool: PoolManager,
        authorization: Callable[[], dict[str, str]],
        *,
        is_verified: bool = True,
    ) -> None:
        """``host`` is such as ``https://10.96.0.1:443``.

        ``authorization`` returns the headers that say who we are, by a token that may have been renewed.
        ``is_verified`` is false where the server's certificate is not checked.
        """
        self.host = host
        self.is_verified = is_verified
        self.pool = pool
        self.authorization = authorization


def connect(
    kubeconfig: Path | None, context: str | None = None, environ: Mapping[str, str] = os.environ
) -> Connection:
    """Read the credentials there are now. Raises ApiError where there are none, or none that can be used.

    ``kubeconfig`` may be several files, as kubectl takes them from KUBECONFIG.
    """
    is_pod = kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in environ
    if is_pod and not any(environ.get(name) for name in _PROXIES):
        from gfd.kube import pod

        return pod.connect(environ)
    from gfd.kube import kubeconfig as files

    return files.connect_pod() if is_pod else files.connect(kubeconfig, context)


def split(kubeconfig: Path) -> Iterator[Path]:
    """Yield the files that KUBECONFIG or --kubeconfig names."""
    for name in str(kubeconfig).split(os.pathsep):
        if name:
            # Unlike Path's own, it takes a home that is not known, as in a container, for a name like others.
            yield Path(os.path.expanduser(name))  # noqa: PTH111
