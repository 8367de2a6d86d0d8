"""Responses that no API server sends become an ApiError, within limits of time and size."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from pathlib import Path

import pytest

from gfd.errors import ApiError
from gfd.kube import body
from gfd.kube.body import MAX_BYTES
from gfd.kube.responses import parse_status_error
from gfd.tools.doctor.outcome import catch_error
from tests.hostile.server import NODE, TOKEN, Hostile, Reply, connect, hostile, reply

MIB = 1 << 20


BROKEN: dict[str, Reply] = {
    "deep": Reply(body=b"[" * 100_000),
    "deep object": Reply(body=b'{"a":' * 100_000),
    "no JSON": Reply(body=b"<html>"),
    "nothing": Reply(body=b""),
    "no UTF-8": Reply(body=b'"\xff"'),
    "UTF-16": Reply(body=json.dumps(NODE).encode("utf-16")),
    "digits": Reply(body=b"9" * 10_000),
    "half a gzip": Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"{}" * 1000)[:-9]),
    "no gzip": Reply(headers={"Content-Encoding": "gzip"}, body=b"{}"),
    "another packing": Reply(headers={"Content-Encoding": "deflate"}, body=zlib.compress(b"{}")),
    "packed twice": Reply(headers={"Content-Encoding": "gzip, gzip"}, body=gzip.compress(b"{}")),
    "many values": Reply(body=b'{"metadata": {}, "x": [' + b"0," * 250_000 + b"0]}"),
    "no content": Reply(status=204),
    "too short": Reply(headers={"Content-Length": "9"}, body=iter([b"{}"])),
    "no chunks": Reply(headers={"Transfer-Encoding": "chunked"}, body=iter([b"zz\r\n{}\r\n"])),
    "a redirect": Reply(status=307, headers={"Location": "/elsewhere"}),
    "a status of its own": Reply(status=999, body=b"{}"),
    "an empty list": reply([], status=500),
    "a Status that is none": reply(
        {"kind": "Status", "details": [1], "message": {}, "code": "x"}, status=409
    ),
    "a long Status": reply({"kind": "Status", "message": "x" * MIB}, status=500),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_responses(server: Hostile, tmp_path: Path, name: str) -> None:
    answer = BROKEN[name]
    if not isinstance(answer.body, bytes):
        pieces = list(answer.body)
        answer = Reply(status=answer.status, headers=answer.headers, body=pieces)
    server.respond = lambda method, path: answer
    with pytest.raises(ApiError) as caught:
        connect(server, tmp_path).request("GET", "/x")
    assert len(str(caught.value)) < 5000
    assert "\n" not in str(caught.value)
    assert "it it" not in str(caught.value)


def test_message_of_a_malformed_response(server: Hostile, tmp_path: Path) -> None:
    server.respond = lambda method, path: BROKEN["no JSON"]
    with pytest.raises(ApiError) as caught:
        connect(server, tmp_path).request("GET", "/x")
    assert str(caught.value) == (
        "GET /x: malformed response: it is not JSON: Expecting value: line 1 "
        "column 1 (char 0); is there a proxy between gfd and the API server?"
    )


def test_endless_response(server: Hostile, tmp_path: Path) -> None:
    sent = itertools.count()
    server.respond = lambda method, path: Reply(body=(bytes(MIB) for _ in sent))
    with pytest.raises(ApiError, match=r"^GET /x: .*: it is larger than 32 MiB; is there a proxy"):
        connect(server, tmp_path).request("GET", "/x")
    # What is on the way in the kernel's buffers has been sent, too.
    assert next(sent) < 48


def test_gzip_bomb(server: Hostile, tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(128)) + packer.flush()
    assert len(bomb) < MIB
    server.respond = lambda method, path: Reply(headers={"Content-Encoding": "gzip"}, body=bomb)
    with pytest.raises(ApiError, match="it is larger than 32 MiB"):
        connect(server, tmp_path).request("GET", "/x")


def test_response_that_arrives_too_slowly(
    server: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "MAX_TRANSFER_S", -1.0)
    server.respond = lambda method, path: Reply(body=itertools.repeat(b" "))
    with pytest.raises(ApiError, match="it did not end within"):
        connect(server, tmp_path).request("GET", "/x")


def test_redirects_are_not_followed(server: Hostile, tmp_path: Path) -> None:
    with hostile(lambda method, path: reply(NODE)) as other:
        server.respond = lambda method, path: Reply(status=301, headers={"Location": f"{other.url}/stolen"})
        with pytest.raises(ApiError) as caught:
            connect(server, tmp_path).request("GET", "/x")
        assert other.seen == []
    assert server.seen[0][2]["authorization"] == f"Bearer {TOKEN}"
    assert str(caught.value) == (
        f"{server.url} redirects GET /x (status 301), but an API server never does; set the URL of the API "
        "server itself"
    )


def test_connections_are_reused(server: Hostile, tmp_path: Path) -> None:
    """Also after an error."""
    api = connect(server, tmp_path)
    for status in (200, 404, 200):
        server.respond = lambda method, path, status=status: reply(NODE, status)  # type: ignore[misc]
        catch_error(lambda: api.request("GET", "/x"))
    assert api._connection is not None
    pool = api._connection.pool.connection_from_url(server.url)
    assert (pool.num_connections, pool.num_requests) == (1, 3)


@pytest.mark.parametrize(
    ("after", "seconds"),
    [("7", 7), ("999999999999", 300), ("9" * 5000, 300), ("-1", None), ("soon", None), ("1e9", None)],
)
def test_limit_of_retry_after(server: Hostile, tmp_path: Path, after: str, seconds: float | None) -> None:
    server.respond = lambda method, path: reply({"kind": "Status"}, 429, Retry_After=after)
    with pytest.raises(ApiError) as caught:
        connect(server, tmp_path).request("GET", "/x")
    assert caught.value.retry_after_s == seconds
    said = parse_status_error(
        b'{"kind": "Status", "details": {"retryAfterSeconds": 999999999999}}', "GET /x", 429, "", ""
    )
    assert said.retry_after_s == 300


def test_endless_list(server: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfd.kube.client.MAX_PAGES", 3)
    page = {"metadata": {"resourceVersion": "1", "continue": "more"}, "items": [NODE]}
    server.respond = lambda method, path: reply(page)
    with pytest.raises(ApiError, match="the list has more than 3 pages"):
        list(connect(server, tmp_path).list("/api/v1/nodes"))


@pytest.mark.parametrize("said", ["", "soon", "Tue, 99 Nov 2026 10:00:00 GMT", "x" * 60_000])
def test_invalid_date_header(server: Hostile, tmp_path: Path, said: str) -> None:
    server.respond = lambda method, path: Reply(headers={"Date": said}, body=b"{}")
    with pytest.raises(ApiError) as caught:
        connect(server, tmp_path).date()
    assert str(caught.value) == f"the API server sends no valid Date header: {said[:100]!r}"


def test_size_limit() -> None:
    assert MAX_BYTES == 32 * MIB
