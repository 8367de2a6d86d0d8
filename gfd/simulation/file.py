"""Read a file of a simulation: a machine, the models, or MIG layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.errors import DocumentError
from gfd.files import CONFIGURATION_BYTES, read_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.documents.value import Value


def load(path: Path) -> Value:
    """Return the content of a YAML or JSON file, or of the one text in a ConfigMap. Raises DocumentError."""
    from gfd.documents.configmap import read_configuration

    try:
        data = read_bytes(path, CONFIGURATION_BYTES)
    except OSError as error:
        raise DocumentError(str(path), 0, f"cannot be read: {error.strerror}") from error
    return read_configuration(data, str(path), "a machine or MIG layouts")
