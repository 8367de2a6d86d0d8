"""How the API server is reached: by a kubeconfig, or by the pod's own service account.

The kubernetes package finds the server, proves who it is and who we are: contexts, exec plugins, bound tokens
and their renewal. Its generated classes are left alone: they cost 250 modules and change between versions.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes import config as kube
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject

from gfd.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import PoolManager

DEFAULT_KUBECONFIG = Path("~/.kube/config")


@dataclass(frozen=True, slots=True)
class Connection:
    """A server, and what to show it."""

    host: str
    """``https://10.96.0.1:443``."""
    pool: PoolManager
    _configuration: Any

    def authorization(self) -> dict[str, str]:
        """Return the headers that say who we are; a token that is renewed on disk is read again."""
        settings = self._configuration.auth_settings().values()
        return {each["key"]: each["value"] for each in settings if each["in"] == "header" and each["value"]}


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _listen() -> Iterator[list[str]]:
    """Hear what the package only logs: that an exec plugin failed, after which it asks as nobody."""
    listener = _Listener()
    logging.getLogger().addHandler(listener)
    try:
        yield listener.said
    finally:
        logging.getLogger().removeHandler(listener)


def connect(kubeconfig: Path | None) -> Connection:
    """Read the credentials there are now. Raises ApiError where there are none, or none that can be used."""
    configuration = Configuration()
    # The caller knows better than the pool which request may be made again, and when.
    configuration.retries = False
    source = "the pod's service account"
    try:
        if kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            kube.load_incluster_config(client_configuration=configuration)
        else:
            path = (kubeconfig or DEFAULT_KUBECONFIG).expanduser()
            source = f"kubeconfig {path}"
            if not path.is_file():
                hint = "" if kubeconfig else ", and this is no pod; name one with --kubeconfig"
                raise ApiError(f"{source}: there is no such file{hint}", kind="credentials")
            with _listen() as said:
                kube.load_kube_config(config_file=str(path), client_configuration=configuration)
            if said:
                raise RuntimeError(f"its exec plugin failed: {said[0]}")
        pool = RESTClientObject(configuration).pool_manager
    except ApiError:
        raise
    except Exception as error:  # of the package, of yaml, of ssl, of the file system: it wraps none of them
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ApiError(f"{source} cannot be used: {reason}", kind="credentials") from error
    return Connection(configuration.host.rstrip("/"), pool, configuration)
