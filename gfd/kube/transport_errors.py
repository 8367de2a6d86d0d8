"""Explain why no response came from the API server: what happened, and what to check."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from urllib3.exceptions import NewConnectionError, ProtocolError, ProxyError

from gfd.errors import ApiError

if TYPE_CHECKING:
    from gfd.kube.connection import Connection

_X509_NOT_YET_VALID, _X509_HAS_EXPIRED = 9, 10
_X509_HOSTNAME_MISMATCH, _X509_IP_ADDRESS_MISMATCH = 62, 64
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons for bytes that are not TLS."""


def explain_tls_error(error: Exception, connection: Connection) -> ApiError:
    """Return the error for a TLS connection that failed."""
    cause = error
    while not isinstance(cause, ssl.SSLError) and cause.args and isinstance(cause.args[0], Exception):
        cause = cause.args[0]
    host = connection.host
    if isinstance(cause, ssl.SSLCertVerificationError):
        what = cause.verify_message.rstrip(".")
        reason = f"the certificate of {host} is not trusted: {what}; {_advise(cause.verify_code, connection)}"
    elif isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
        reason = f"{host} does not speak TLS; check address and port of the API server in {connection.source}"
    else:
        what = getattr(cause, "reason", None) or str(cause)
        what = what.replace("_", " ").lower()
        reason = f"the TLS connection to {host} failed: {what}; check the certificates in {connection.source}"
    return ApiError(reason, kind="tls")


def _advise(verify_code: int, connection: Connection) -> str:
    if verify_code in {_X509_NOT_YET_VALID, _X509_HAS_EXPIRED}:
        return "renew it, or correct the clock of this machine"
    if verify_code in {_X509_HOSTNAME_MISMATCH, _X509_IP_ADDRESS_MISMATCH}:
        return f"use a name that the certificate has: server or tls-server-name in {connection.source}"
    return f"check the certificate authority in {connection.source}"


def explain_connection_error(error: Exception, connection: Connection) -> ApiError:
    """Return the error for a connection that could not be made, or broke."""
    reason = f"the API server {connection.host} does not answer: {_describe(error)}"
    advice = f"check that it runs, and its address in {connection.source}"
    return ApiError(f"{reason}; {advice}", kind="connection")


def _describe(error: Exception) -> str:
    if isinstance(error, ProxyError):
        return f"{error.args[0]}: {_describe(error.original_error)}"
    if isinstance(error, NewConnectionError):
        # The text before the colon contains an address in memory, so it differs each time.
        return str(error).partition(": ")[2]
    if isinstance(error, ProtocolError) and len(error.args) == 2 and isinstance(error.args[1], OSError):
        return f"{str(error.args[0]).rstrip('.')}: {error.args[1].strerror or error.args[1]}"
    return str(getattr(error, "reason", None) or error)
