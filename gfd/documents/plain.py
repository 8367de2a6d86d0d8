"""Read JSON or YAML into dicts, lists and scalars, without lines and paths."""

from __future__ import annotations

import json
from typing import Any

from gfd.documents.json_decoder import decode
from gfd.errors import DocumentError


def read_plain(data: bytes | str, source: str, fields: Any = None) -> list[Any]:
    """Return the documents of ``data``. This is the fast way for large JSON files. Raises DocumentError.

    ``fields`` is a TypedDict that names the fields that the caller reads; the result may lack the others.
    """
    try:
        return [decode(data, fields)]
    except (ValueError, RecursionError) as error:
        json_error = error
    from gfd.documents.reader import read_all  # imports PyYAML, which JSON does not need

    try:
        return [each.plain() for each in read_all(data, source)]
    except DocumentError as error:
        is_json = data.lstrip()[:1] in ("{", "[", b"{", b"[")
        if is_json and isinstance(json_error, json.JSONDecodeError):
            raise DocumentError(source, json_error.lineno, f"is not valid JSON: {json_error.msg}") from error
        raise
