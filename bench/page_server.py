"""A server that answers lists of nodes and pods with pages made in advance: ``python page_server.py FOLDER``.

It stands in for the API server, whose own time is not measured. ``FOLDER`` has ``nodes.json`` and
``pods.json``; the port is the line that it prints.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PAGE = 500


def make_pages(items: list[dict[str, object]]) -> list[bytes]:
    """Return the pages of a list, compact as the API server writes them."""
    pages = []
    for start in range(0, len(items), PAGE):
        rest = len(items) - start - PAGE
        more = {"continue": str(start // PAGE + 1), "remainingItemCount": rest} if rest > 0 else {}
        page = {"metadata": {"resourceVersion": "1", **more}, "items": items[start : start + PAGE]}
        pages.append(json.dumps(page, separators=(",", ":")).encode())
    return pages


def main() -> None:
    """Serve until the process is ended."""
    folder = Path(sys.argv[1])
    found = {name: json.loads((folder / f"{name}.json").read_bytes())["items"] for name in ("nodes", "pods")}
    pages = {f"/api/v1/{name}": make_pages(items) for name, items in found.items()}
    first = {
        "metadata": {"resourceVersion": "1", "remainingItemCount": len(found["pods"]) - 1},
        "items": found["pods"][:1],
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path not in pages:
                # Like a cluster without the API of ResourceSlices.
                self.send_error(404)
                return
            asked = parse_qs(url.query)
            number = int(asked.get("continue", ["0"])[0])
            body = json.dumps(first).encode() if asked.get("limit") == ["1"] else pages[url.path][number]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


main()
