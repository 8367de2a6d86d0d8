"""Connect with a kubeconfig, or through a proxy, using the kubernetes package.

The package handles authentication: exec plugins, renewal of tokens, proxies. gfd does not use its generated
classes: they import 250 modules and change between versions.
"""

from __future__ import annotations

import logging
import os
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kubernetes import config as kube
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, parse_url

from gfd.errors import ApiError
from gfd.kube.authorization import make_header
from gfd.kube.connection import Connection
from gfd.kube.kubeconfig_file import DEFAULT_KUBECONFIG, read_context, split_paths
from gfd.kube.service_account import SOURCE
from gfd.text import remember_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gfd.kube.kubeconfig_file import KubeconfigContext


def load_connection(kubeconfig: Path | None, context: str | None) -> Connection:
    """Return the connection of a context in a kubeconfig, by default the current one. Raises ApiError."""
    files = list(split_paths(kubeconfig or DEFAULT_KUBECONFIG))
    path = os.pathsep.join(map(str, files))
    source = f"kubeconfig {path}"
    if not any(map(os.path.exists, files)):
        advice = "; set another with" if kubeconfig else ", and gfd is not running in a pod; pass"
        raise ApiError(f"{source}: there is no such file{advice} --kubeconfig", kind="credentials")
    chosen = read_context(source, files, context)
    with _translated(source):
        connection = _make(lambda configuration: _load(path, chosen, configuration), source, chosen.origin)
    connection.impersonation = chosen.impersonation
    return connection


def load_pod_connection() -> Connection:
    """Return the connection of a pod that reaches the server through a proxy. Raises ApiError."""
    source = SOURCE
    with _translated(source):
        return _make(
            lambda configuration: kube.load_incluster_config(client_configuration=configuration),
            source,
            f"the token of {source}",
        )


def _make(load: Callable[[Configuration], object], source: str, origin: str) -> Connection:
    configuration = Configuration()
    # No retries: the callers know which requests can be repeated, and when.
    configuration.retries = False
    load(configuration)
    _check_certificates(configuration, source)
    _authorize_proxy(configuration, source)
    pool = RESTClientObject(configuration).pool_manager

    def authorization() -> dict[str, str]:
        # The package may renew the credential here.
        with _translated(source), _collect_errors():
            settings = configuration.auth_settings().values()
        value = next((each["value"] for each in settings if each["in"] == "header" and each["value"]), "")
        return make_header(value, origin)

    authorization()
    host = configuration.host.rstrip("/")
    return Connection(host, pool, authorization, source=source, is_verified=bool(configuration.verify_ssl))


@contextmanager
def _translated(source: str) -> Iterator[None]:
    try:
        yield
    except ApiError:
        raise
    except Exception as error:  # the package, ssl and the file system raise different errors
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnicodeError):  # its text quotes the credential
            reason = "a credential has a character that cannot be sent"
        if isinstance(error, ImportError):
            reason = "a SOCKS proxy needs the Python package PySocks; use an HTTP proxy"
        raise ApiError(f"{source} cannot be used: {reason}", kind="credentials") from error


def _load(path: str, chosen: KubeconfigContext, configuration: Configuration) -> None:
    with _collect_errors() as errors:
        kube.load_kube_config(path, chosen.context, configuration)
    configuration.proxy = chosen.proxy or configuration.proxy
    # The package only logs a failed plugin and would go on without credentials.
    if errors and not configuration.api_key:
        raise ValueError(f"its exec plugin failed: {'; '.join(errors)}")


@contextmanager
def _collect_errors() -> Iterator[list[str]]:
    """Collect the errors that the package logs during the ``with`` block, instead of printing them."""
    errors: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        yield errors
    finally:
        logging.getLogger().removeHandler(handler)


def _check_certificates(configuration: Configuration, source: str) -> None:
    """Raise ApiError if TLS cannot use a certificate or key: a failed handshake would blame the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    what = "certificate authority"
    try:
        if configuration.ssl_ca_cert:
            context.load_verify_locations(configuration.ssl_ca_cert)
        what = "client certificate or its key"
        if configuration.cert_file:
            # Without this, OpenSSL would ask for a password on the terminal.
            context.load_cert_chain(configuration.cert_file, configuration.key_file, lambda: "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ApiError(f"{source} cannot be used: its {what}: {reason}", kind="credentials") from error


def _authorize_proxy(configuration: Configuration, source: str) -> None:
    """Move the proxy's user name and password from its URL to a header, so that no message shows them."""
    if not configuration.proxy:
        return
    try:
        proxy = parse_url(configuration.proxy)
    except HTTPError as error:
        reason = "the URL of the proxy is malformed; check proxy-url and HTTPS_PROXY"
        raise ApiError(f"{source} cannot be used: {reason}", kind="credentials") from error
    if proxy.auth and proxy.scheme in {"http", "https"}:
        remember_credentials(unquote(proxy.auth), *unquote(proxy.auth).split(":", 1)[1:])
        configuration.proxy_headers = make_headers(proxy_basic_auth=unquote(proxy.auth))
        configuration.proxy = proxy._replace(auth=None).url
