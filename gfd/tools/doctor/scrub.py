"""Text without what tells whose it is: names, addresses, serials, UUIDs, and whatever opens a door.

The same thing becomes the same word everywhere, so that a reader can still follow it from file to file.
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
"""Perhaps one, perhaps escaped within a string of JSON."""
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
_NODES = (
    re.compile(rf"\bnodes?(?:/| \\?\")(?P<name>{_NAME})"),
    # In a sentence any word can follow; names of nodes mostly are no words.
    re.compile(rf"\b[Nn]ode (?P<name>(?=[a-z0-9.-]*[0-9.-][a-z0-9]){_NAME})"),
    re.compile(rf"nvidia-features-for-(?P<name>{_NAME})"),
    re.compile(rf"(?i)\b(?:node|node_?name|host|host_?name){_QUOTE}\s*[:=]\s*{_QUOTE}(?P<name>{_NAME})"),
)
_HOSTS = (
    re.compile(rf"(?<![a-z])[a-z]+://(?:[^/\s@]*@)?(?P<name>{_NAME})"),
    # As a resolver and TLS write of them; no key of a label, which goes on after a slash.
    re.compile(
        r"\b(?:lookup|valid for|doesn't match|, not) '?(?P<name>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?![\w/-])"
    ),
    # As networks end that are somebody's own.
    re.compile(
        r"(?i)(?<![\w.-])(?P<name>[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*"
        r"\.(?:corp|internal|intranet|lan|local|private))(?![\w-])"
    ),
    re.compile(r"(?i)(?<![\w.-])(?P<name>ip(?:-\d{1,3}){4})(?![\w-])"),  # as clouds name them, by address
    # As the journal and syslog begin a line.
    re.compile(rf"(?m)^(?:[A-Z][a-z]{{2}} [ \d]\d [\d:]+|\d[\d:.T+-]+Z?) (?P<name>{_NAME}) [\w.-]+\[\d+\]:"),
)
_DOMAIN = r"(?P<domain>(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)"
_OF_CLUSTERS = (".svc", ".cluster.local")
"""What ends names that each cluster has."""
_WORDS = frozenset({"default", "false", "localhost", "none", "null", "true", "unknown"})
"""What stands where a name could, and is none."""


class Scrubber:
    """Replaces, and remembers what by."""

    def __init__(self, *, keeps_names: bool = False, secrets: Iterable[str] = ()) -> None:
        """``secrets`` are known ones, whatever they look like. Those go even where names are kept."""
        self._keeps_names = keeps_names
        self._secrets = sorted(filter(None, (*secrets, *list_credentials())), key=len, reverse=True)
        self._aliases: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._names: dict[str, str] = {}
        """Known names in lower case -> what they become."""

    def know(self, kind: str, name: str | None) -> None:
        """Let a name be replaced wherever it stands as a word: a node's, a user's, a GPU's UUID."""
        name = (name or "").strip().lower()
        if len(name) < 2 or name in self._names or name in _WORDS or _parse_address(name):
            return
        if name.endswith(_OF_CLUSTERS):
            return
        alias = self._alias(kind, name)
        self._names[name] = alias
        first, dot, _ = name.partition(".")
        # The first part of a host's name can be any word, such as api.
        is_name = kind == "node" or (kind == "host" and not first.isalpha())
        if is_name and dot and len(first) > 1:
            self._names.setdefault(first, alias)

    def learn(self, text: str) -> None:
        """Take in the names of nodes and hosts that ``text`` speaks of."""
        for pattern in _NODES:
            for match in pattern.finditer(text):
                self.know("node", match["name"])
        for pattern in _HOSTS:
            for match in pattern.finditer(text):
                self.know("host", match["name"])

    def scrub(self, text: str) -> str:
        """Return ``text`` with all of it replaced."""
        for secret in self._secrets:
            text = text.replace(secret, SECRET)
        for pattern in _SECRETS:
            text = pattern.sub(lambda match: _put(match, SECRET), text)
        if self._keeps_names:
            return text
        for kind, pattern in _IDENTITIES[:2]:
            text = self._replace(kind, pattern, text)
        if self._names:
            longest_first = sorted(self._names, key=len, reverse=True)
            names = "|".join(map(re.escape, longest_first))
            known = re.compile(rf"(?i)(?<![a-z0-9])(?P<name>{names}){_DOMAIN}(?![a-z0-9])")
            text = known.sub(self._hide_name, text)
        for kind, pattern in _IDENTITIES[2:]:
            text = self._replace(kind, pattern, text)
        return _ADDRESS.sub(self._hide_address, text)

    def _replace(self, kind: str, pattern: re.Pattern[str], text: str) -> str:
        return pattern.sub(lambda match: _put(match, self._alias(kind, _value(match))), text)

    def _hide_name(self, match: re.Match[str]) -> str:
        """Return what a known name becomes, with the domain of a node or host, which tells whose it is."""
        alias = self._names[match["name"].lower()]
        return alias if alias.startswith(("node-", "host-")) else alias + match["domain"]

    def _hide_address(self, match: re.Match[str]) -> str:
        whole = str(match[0])
        # What ends a sentence, or stands before a port, is no part of it.
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


def _value(match: re.Match[str]) -> str:
    return match["value"] if "value" in match.re.groupindex else match[0]


def _put(match: re.Match[str], replacement: str) -> str:
    """Return what was matched with the value in it replaced, where that is only a part."""
    return match[0].removesuffix(_value(match)) + replacement


def _parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
