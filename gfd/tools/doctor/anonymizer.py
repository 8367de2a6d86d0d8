"""Replace names, addresses, serials, UUIDs and secrets in text.

Equal values become equal aliases, so that a reader can follow a node or GPU through all files.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from gfd.text import SECRET, compile_credential_patterns, list_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_QUOTE = r"(?:\\?[\"'])?"
"""An optional quote, which may be escaped in a JSON string."""
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"

_SECRETS = (
    *compile_credential_patterns(),
    re.compile(r"(?<![\w.])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.])"),  # a bootstrap token
    re.compile(
        r"(?i)(?:token|password|passwd|secret|authorization|cookie|api[-_]?key|client[-_]key[-_]data)[\w-]{0,30}"
        rf"{_QUOTE}\s*[:=]\s*{_QUOTE}(?:bearer\s+|basic\s+)?(?P<value>[^\s\"',;}}\\]+)"
    ),
)
_IDENTITIES = (
    ("MIG", re.compile(rf"\bMIG-(?:GPU-)?{_UUID}(?:/\d+/\d+)?")),
    ("GPU", re.compile(rf"\bGPU-{_UUID}")),
    (
        "uuid",
        re.compile(
            rf"(?<![0-9a-fA-F-]){_UUID}(?![0-9a-fA-F-])|(?<![0-9a-fA-F])[0-9a-f]{{32}}(?![0-9a-fA-F])"
        ),
    ),
    (
        "serial",
        re.compile(
            r"(?i)\bserial(?:[ _-]?(?:number|no))?[\"']?\s*[:=#]?\s*[\"']?(?P<value>[A-Z0-9-]*\d[A-Z0-9-]*)"
        ),
    ),
    ("serial", re.compile(r"(?<![\w.-])\d{13}(?![\w.-])")),
    ("mail", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("user", re.compile(r"(?<=/home/)[^/\s:\"']+")),
    ("mac", re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![\w:])")),
)
_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)|(?<![\w:.])[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*"
)
_NODE_NAMES = (
    re.compile(rf"\bnodes?(?:/| \\?\")(?P<name>{_NAME})"),
    # Any word can follow in a sentence, so a name must have a digit, dot or dash.
    re.compile(rf"\b[Nn]ode (?P<name>(?=[a-z0-9.-]*[0-9.-][a-z0-9]){_NAME})"),
    re.compile(rf"nvidia-features-for-(?P<name>{_NAME})"),
    re.compile(rf"(?i)\b(?:node|node_?name|host|host_?name){_QUOTE}\s*[:=]\s*{_QUOTE}(?P<name>{_NAME})"),
)
_HOST_NAMES = (
    re.compile(rf"(?<![a-z])[a-z]+://(?:[^/\s@]*@)?(?P<name>{_NAME})"),
    # Messages of a resolver and of TLS. A label's key also looks like this, but a slash follows.
    re.compile(
        r"\b(?:lookup|valid for|doesn't match|, not) '?(?P<name>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?![\w/-])"
    ),
    # Domains of private networks.
    re.compile(
        r"(?i)(?<![\w.-])(?P<name>[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*"
        r"\.(?:corp|internal|intranet|lan|local|private))(?![\w-])"
    ),
    re.compile(
        r"(?i)(?<![\w.-])(?P<name>ip(?:-\d{1,3}){4})(?![\w-])"
    ),  # names that clouds make from addresses
    # The host at the start of a line of the journal or syslog.
    re.compile(rf"(?m)^(?:[A-Z][a-z]{{2}} [ \d]\d [\d:]+|\d[\d:.T+-]+Z?) (?P<name>{_NAME}) [\w.-]+\[\d+\]:"),
)
_DOMAIN = r"(?P<domain>(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)"
_CLUSTER_SUFFIXES = (".svc", ".cluster.local")
"""The ends of names that every cluster has."""
_NO_NAMES = frozenset({"default", "false", "localhost", "none", "null", "true", "unknown"})
"""Words that are not names, although they stand where a name is expected."""


class Anonymizer:
    """Replaces values with aliases and remembers the aliases."""

    def __init__(self, *, keeps_names: bool = False, secrets: Iterable[str] = ()) -> None:
        """``secrets`` are always replaced, also if ``keeps_names`` is set."""
        self._keeps_names = keeps_names
        self._secrets = sorted(filter(None, (*secrets, *list_credentials())), key=len, reverse=True)
        self._aliases: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._names: dict[str, str] = {}
        """Names in lower case -> their aliases."""

    def add_name(self, kind: str, name: str | None) -> None:
        """Replace a name wherever it is a whole word; ``kind`` is "node", "user", "GPU" and the like."""
        name = (name or "").strip().lower()
        if len(name) < 2 or name in self._names or name in _NO_NAMES or _parse_address(name):
            return
        if name.endswith(_CLUSTER_SUFFIXES):
            return
        alias = self._alias(kind, name)
        self._names[name] = alias
        first, dot, _ = name.partition(".")
        # The first part of a host's name can be a common word such as api.
        is_name = kind == "node" or (kind == "host" and not first.isalpha())
        if is_name and dot and len(first) > 1:
            self._names.setdefault(first, alias)

    def collect_names(self, text: str) -> None:
        """Find the names of nodes and hosts in ``text`` and add them."""
        for pattern in _NODE_NAMES:
            for match in pattern.finditer(text):
                self.add_name("node", match["name"])
        for pattern in _HOST_NAMES:
            for match in pattern.finditer(text):
                self.add_name("host", match["name"])

    def anonymize(self, text: str) -> str:
        """Return ``text`` with all secrets, names and addresses replaced."""
        for secret in self._secrets:
            text = text.replace(secret, SECRET)
        for pattern in _SECRETS:
            text = pattern.sub(lambda match: _replace_value(match, SECRET), text)
        if self._keeps_names:
            return text
        for kind, pattern in _IDENTITIES[:2]:
            text = self._replace(kind, pattern, text)
        if self._names:
            longest_first = sorted(self._names, key=len, reverse=True)
            names = "|".join(map(re.escape, longest_first))
            known = re.compile(rf"(?i)(?<![a-z0-9])(?P<name>{names}){_DOMAIN}(?![a-z0-9])")
            text = known.sub(self._replace_name, text)
        for kind, pattern in _IDENTITIES[2:]:
            text = self._replace(kind, pattern, text)
        return _ADDRESS.sub(self._replace_address, text)

    def _replace(self, kind: str, pattern: re.Pattern[str], text: str) -> str:
        return pattern.sub(lambda match: _replace_value(match, self._alias(kind, _find_value(match))), text)

    def _replace_name(self, match: re.Match[str]) -> str:
        """Return the alias of a name; the domain of a node or host is replaced with it."""
        alias = self._names[match["name"].lower()]
        return alias if alias.startswith(("node-", "host-")) else alias + match["domain"]

    def _replace_address(self, match: re.Match[str]) -> str:
        whole = str(match[0])
        # A full stop, or the colon of a port, is not part of the address.
        for text in (whole, whole.rstrip(".:")):
            address = _parse_address(text)
            if address is not None:
                is_nobodys = address.is_loopback or address.is_unspecified
                return whole if is_nobodys else self._alias("ip", text) + whole[len(text) :]
        return whole

    def _alias(self, kind: str, original: str) -> str:
        key = f"{kind} {original.lower()}"
        if key not in self._aliases:
            self._numbers[kind] = self._numbers.get(kind, 0) + 1
            self._aliases[key] = f"{kind}-{self._numbers[kind]}"
        return self._aliases[key]


def _find_value(match: re.Match[str]) -> str:
    return match["value"] if "value" in match.re.groupindex else match[0]


def _replace_value(match: re.Match[str], replacement: str) -> str:
    """Return the matched text with only the value in it replaced."""
    return match[0].removesuffix(_find_value(match)) + replacement


def _parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
