"""A connection to the API server: its URL and the credentials to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3 import PoolManager


class Connection:
    """An API server and how to authenticate to it."""

    def __init__(
        self,
        host: str,
        pool: PoolManager,
        authorization: Callable[[], dict[str, str]],
        *,
        source: str,
        is_verified: bool = True,
    ) -> None:
        """``host`` is a URL such as ``https://10.96.0.1:443``.

        ``authorization`` returns the authorization header, with the newest token.
        ``source`` is where the address comes from, for messages: ``kubeconfig /root/.kube/config``.
        ``is_verified`` is false if the server's certificate is not checked.
        """
        self.host = host
        self.source = source
        self.is_verified = is_verified
        self.pool = pool
        self.authorization = authorization
        self.impersonation: tuple[tuple[str, str], ...] = ()
        """Headers that ask the server to act as another user. Several can have the same name."""
