"""The schema of a kubeconfig: the fields that gfd and the kubernetes package read."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from gfd.kube.schema import SchemaError, array_of, boolean, map_of, object_of, string


def _base64(value: Any) -> None:
    """Accept a string in base64."""
    string(value)
    try:
        b64decode(value)
    except ValueError:
        raise SchemaError("is not base64") from None


def _scalar(value: Any) -> None:
    """Accept a single value: YAML reads some strings as numbers or times."""
    if isinstance(value, dict | list):
        raise SchemaError("is not a string")


def _url(value: Any) -> None:
    """Accept the URL of a server."""
    string(value)
    if not value.startswith(("https://", "http://")):
        raise SchemaError("does not begin with https:// or http://")


_NAMED = object_of({"name": string}, "name")
KUBECONFIG = object_of(
    {kind: array_of(_NAMED) for kind in ("contexts", "clusters", "users")} | {"current-context": string}
)
_CONTEXT = object_of({"cluster": string, "user": string, "namespace": string}, "cluster")
_CLUSTER = object_of(
    {
        "server": _url,
        "certificate-authority": string,
        "certificate-authority-data": _base64,
        "insecure-skip-tls-verify": boolean,
        "tls-server-name": string,
        "proxy-url": string,
    },
    "server",
)
_VARIABLE = object_of({"name": string, "value": string}, "name", "value")
_EXEC = {"apiVersion": string, "command": string, "args": array_of(string), "env": array_of(_VARIABLE)}
_USER = object_of(
    {
        **dict.fromkeys(("token", "tokenFile", "username", "password"), string),
        **dict.fromkeys(("client-certificate", "client-key"), string),
        **dict.fromkeys(("client-certificate-data", "client-key-data"), _base64),
        "exec": object_of(_EXEC, "apiVersion", "command"),
        "auth-provider": object_of({"name": string, "config": map_of(_scalar)}, "name"),
        "as": string,
        "as-uid": string,
        "as-groups": array_of(string),
        "as-user-extra": map_of(array_of(string)),
    }
)
PARTS = {"context": _CONTEXT, "cluster": _CLUSTER, "user": _USER}
"""The schemas of a context, a cluster and a user, by these names."""
