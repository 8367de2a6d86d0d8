"""Read the body of a response completely, within limits of time and size."""

from __future__ import annotations

import time
import zlib
from http.client import HTTPException
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError

from gfd.kube.schema import SchemaError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

MIB = 1 << 20
MAX_BYTES = 32 * MIB
"""The limit for a response, a page of a list, and an event. etcd refuses objects above 1.5 MiB."""
MAX_TRANSFER_S = 60.0
"""The maximum time from the first byte of a response to the last."""

_CHUNK_BYTES = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS

TRANSPORT_ERRORS = (HTTPError, HTTPException, OSError, ValueError)
"""The errors of urllib3 and of the libraries below it for a broken connection or response."""


def read_body(response: BaseHTTPResponse) -> bytes:
    """Return the body. Raises SchemaError if it is too large or malformed, and TRANSPORT_ERRORS."""
    data = _read(response)
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding == "gzip":
        return _decompress(data)
    if encoding != "identity":
        raise SchemaError(f"has an unexpected Content-Encoding: {encoding[:40]}")
    return data


def make_size_error() -> SchemaError:
    """Return the error for a body that is larger than any object of Kubernetes."""
    return SchemaError(f"is larger than {MAX_BYTES // MIB} MiB")


def _read(response: BaseHTTPResponse) -> bytes:
    deadline_s = time.monotonic() + MAX_TRANSFER_S
    data = bytearray()
    # read1 returns the bytes that have arrived. Waiting for a full buffer could take for ever.
    while chunk := response.read1(_CHUNK_BYTES, decode_content=False):
        data += chunk
        if len(data) > MAX_BYTES:
            raise make_size_error()
        if time.monotonic() > deadline_s:
            raise SchemaError(f"did not end within {MAX_TRANSFER_S:.0f} s")
    return bytes(data)


def _decompress(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(_GZIP)
    try:
        found = decompressor.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise SchemaError("is not valid gzip") from error
    if len(found) > MAX_BYTES:
        raise make_size_error()
    if not decompressor.eof:
        raise SchemaError("ends too early")
    return found
