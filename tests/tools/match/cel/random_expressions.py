"""Random CEL expressions on devices: most are valid, and many fail on some devices."""

from __future__ import annotations

from random import Random

HOMES = {
    "gpu.nvidia.com": ("type", "productName", "architecture", "driverVersion", "cudaComputeCapability"),
    "dra.net": ("ifName", "kind", "mtu", "rdma", "virtual"),
    "gpu.intel.com": ("model", "family", "driver", "sriov", "firmware", "millicores"),
    "resource.kubernetes.io": ("pcieRoot", "numaNode"),
}
"""The domains of the names that devices have."""
DOMAINS = ("gpu.nvidia.com", "dra.net", "gpu.intel.com", "resource.kubernetes.io", "absent.example")
TEXTS = ("type", "productName", "architecture", "ifName", "kind", "model", "family", "driver", "pcieRoot")
NUMBERS = ("numaNode", "mtu")
FLAGS = ("rdma", "virtual", "sriov")
VERSIONS = ("driverVersion", "cudaComputeCapability", "firmware")
CAPACITIES = ("memory", "millicores")
WORDS = ("gpu", "eth1", "Ampere", "Flex 170", "network", "A100", "xe", "")
PATTERNS = ("^gpu$", "A100|H100", "[0-9]+", "^(eth|ib)[0-9]", ".*", "(?i)ampere")
DRIVERS = ("gpu.nvidia.com", "dra.net", "gpu.intel.com")
SEMVERS = ("8.0.0", "580.95.5", "1.2.0", "1.2.0-rc.1", "13.0.0+build")
QUANTITIES = ("40Gi", "80Gi", "1000", "500m", "16384Mi", "1.5Gi", "0")


class ExpressionWriter:
    """Writes random expressions."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._count = 0

    def write(self) -> str:
        """Return an expression; its result is a truth value or unknown."""
        return self._truth(self._random.randint(1, 4))

    def _one_of(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _domain(self, field: str = "attributes", name: str = "") -> str:
        """Return a map of the device, mostly the one that may have the name."""
        key = "device.driver" if self._random.random() < 0.3 else repr(self._one_of(*DOMAINS))
        if self._random.random() < 0.7:
            key = next((repr(home) for home, names in HOMES.items() if name in names), key)
        return f"device.{field}[{key}]"

    def _attribute(self, *names: str) -> str:
        """Return an attribute, rarely one of another type."""
        if self._random.random() < 0.1:
            names = TEXTS + NUMBERS + FLAGS + VERSIONS
        name = self._one_of(*names)
        domain = self._domain(name=name)
        return self._one_of(f"{domain}.{name}", f"{domain}['{name}']")

    def _capacity(self) -> str:
        name = self._one_of(*CAPACITIES)
        return f"{self._domain('capacity', name)}.{name}"

    def _truth(self, depth: int) -> str:
        if depth <= 1:
            return self._clause()
        inner = [self._truth(depth - 1) for _ in range(3)]
        return self._one_of(
            f"{inner[0]} && {inner[1]}",
            f"({inner[0]} || {inner[1]})",
            f"!({inner[0]})",
            f"({inner[0]} ? {inner[1]} : {inner[2]})",
            f"[{inner[0]}, {inner[1]}].exists(b{depth}, b{depth})"
            if "device" not in inner[0] + inner[1]
            else f"({inner[0]}) == ({inner[1]})",
            inner[0],
        )

    def _clause(self) -> str:
        kind = self._random.choice(
            (
                self._text_clause,
                self._number_clause,
                self._version_clause,
                self._quantity_clause,
                self._presence_clause,
                self._loop_clause,
                self._optional_clause,
                self._guarded_clause,
            )
        )
        return kind()

    def _text(self) -> str:
        text = self._attribute(*TEXTS)
        return self._one_of(
            text,
            text,
            f"{text}.lowerAscii()",
            f"{text}.replace(' ', '-')",
            f"{text}.substring(1)",
            f"{text}.trim()",
            f"({text} + 'x')",
            f"{text}.find('[A-Z][a-z]*')",
            "device.driver",
        )

    def _text_clause(self) -> str:
        word = repr(self._one_of(*WORDS)).replace("\\", "")
        text = self._text()
        return self._one_of(
            f"{text} == {word}",
            f"{text} != {word}",
            f"{text} in [{word}, 'gpu', 'Ampere']",
            f"{text}.startsWith({word})",
            f"{text}.endsWith({word})",
            f"{text}.contains({word})",
            f"{text}.matches('{self._one_of(*PATTERNS)}')",
            f"{text}.size() > {self._random.randint(0, 8)}",
            f"size({text}) == {self._random.randint(0, 8)}",
            f"{text} < {self._text()}",
            f"{word} == {text}",
            f"{text}.split(' ').size() == 2",
            f"{text}.split('-')[0] == {word}",
            f"device.driver == '{self._one_of(*DRIVERS)}'",
        )

    def _number_clause(self) -> str:
        number = self._attribute(*NUMBERS)
        literal = self._one_of("0", "1", "8896", "-1", "1.5", "8896.0", "9000")
        return self._one_of(
            f"{number} == {literal}",
            f"{number} != {literal}",
            f"{number} > {literal}",
            f"{number} <= {literal}",
            f"{number} + 1 > 2",
            f"{number} / {self._one_of('0', '2')} == 4448",
            f"{number} % 2 == 0",
            f"{number} in [0, 1, 8896]",
            f"string({number}) == '0'",
            self._attribute(*FLAGS),
            f"!{self._attribute(*FLAGS)}",
            f"{self._attribute(*FLAGS)} == true",
            "device.allowMultipleAllocations",
        )

    def _version(self) -> str:
        return self._one_of(self._attribute(*VERSIONS), f"semver('{self._one_of(*SEMVERS)}')")

    def _version_clause(self) -> str:
        version = self._attribute(*VERSIONS)
        return self._one_of(
            f"{version}.compareTo({self._version()}) {self._one_of('<', '>=', '==')} 0",
            f"{version}.isGreaterThan({self._version()})",
            f"{version}.isLessThan({self._version()})",
            f"{version}.{self._one_of('major', 'minor', 'patch')}() >= {self._random.randint(0, 10)}",
            f"{version} == {self._version()}",
            f"{version} != {self._version()}",
            f"{version} == '{self._one_of(*SEMVERS)}'",
            f"'{self._one_of(*SEMVERS)}' != {version}",
            f"{version} in ['{self._one_of(*SEMVERS)}']",
            f"{version} in [{self._version()}]",
            f"{version} < {self._attribute(*VERSIONS)}",
            f"isSemver('{self._one_of('1.2.3', '1.2', '01.2.3', '1.2.3-x')}')",
            f"semver('v{self._one_of('1.2', '3', '04.05.06')}', true).major() > 1",
        )

    def _quantity_clause(self) -> str:
        quantity, literal = self._capacity(), f"quantity('{self._one_of(*QUANTITIES)}')"
        return self._one_of(
            f"{quantity}.compareTo({literal}) {self._one_of('<', '>=', '==')} 0",
            f"{quantity}.isGreaterThan({literal})",
            f"{quantity}.isLessThan({literal})",
            f"{quantity} == {literal}",
            f"{quantity}.add({literal}).isGreaterThan({literal})",
            f"{quantity}.sub(1).compareTo({literal}) < 0",
            f"{quantity}.asInteger() > 1000",
            f"sign({quantity}) == 1",
            f"{quantity}.asApproximateFloat() > 1.0",
            f"isQuantity('{self._one_of('1Gi', '1gi', '1.5', 'x', '1e3', '.5')}')",
        )

    def _presence_clause(self) -> str:
        field = self._one_of("attributes", "capacity")
        name = self._one_of(*TEXTS, *NUMBERS, *VERSIONS, *CAPACITIES)
        domain = self._one_of(*DOMAINS)
        return self._one_of(
            f"has({self._domain(field)}.{name})",
            f"'{name}' in {self._domain(field)}",
            f"'{domain}' in device.{field}",
            f"has(device.{field}.{self._one_of('absent', 'other')})",
            f"has({self._domain('attributes')}.{name}.more)",
            f"{self._domain(field)}.?{name}.hasValue()",
            f"device.{field}[?'{domain}'].?{name}.hasValue()",
            f"{self._domain(field)}.size() > {self._random.randint(0, 8)}",
            f"{self._domain(field)} == {{}}",
        )

    def _loop_clause(self) -> str:
        one, two = self._name(), self._name()
        domain, attributes = self._one_of(*DOMAINS), self._domain()
        macro = self._one_of("all", "exists", "exists_one")
        return self._one_of(
            f"device.attributes.{macro}({one}, {one} == '{domain}')",
            f"device.attributes.{macro}({one}, '{self._one_of(*TEXTS)}' in device.attributes[{one}])",
            f"{attributes}.{macro}({one}, {one}.startsWith('{self._one_of('d', 't', 'x')}'))",
            f"{attributes}.{self._one_of('all', 'exists')}({one}, {two}, {one} == 'type' && {two} == 'gpu')",
            f"{attributes}.exists({one}, {attributes}[{one}] == '{self._one_of(*WORDS)}')",
            f"{attributes}.map({one}, {one}).size() > 2",
            f"{attributes}.filter({one}, {one} != 'type').exists({two}, {two} == 'brand')",
            f"['gpu', 'network'].exists({one}, {self._attribute(*TEXTS)} == {one})",
            f"[1, 2, 3].{macro}({one}, {one} > {self._attribute(*NUMBERS)})",
            f"cel.bind({one}, {attributes}, {one}.type == 'gpu' || {one}.kind == 'network')",
            f"cel.bind({one}, {self._attribute(*TEXTS)}, {one} == 'gpu')",
            "sets.contains(['gpu', 'network'], [device.driver])",
            f"{attributes}.transformList({one}, {two}, {one}).size() == 6",
        )

    def _optional_clause(self) -> str:
        name = self._one_of(*TEXTS)
        domain = self._domain(name=name)
        return self._one_of(
            f"{domain}.?{name}.orValue('gpu') == '{self._one_of(*WORDS)}'",
            f"{domain}.?{name}.orValue('gpu').startsWith('g')",
            f"{domain}.?{self._one_of(*VERSIONS)}.orValue(semver('1.0.0')).major() > 2",
            f"{self._domain('capacity')}.?memory.orValue(quantity('0')).isGreaterThan(quantity('1Gi'))",
            f"{domain}.?{name}.optMap(o, o == 'gpu').orValue(false)",
            f"{domain}[?'{name}'].or({domain}.?type).hasValue()",
            f"{domain}.?{name}.value() == 'gpu'",
        )

    def _guarded_clause(self) -> str:
        name = self._one_of(*TEXTS)
        domain = self._domain(name=name)
        return self._one_of(
            f"has({domain}.{name}) && {domain}.{name} == '{self._one_of(*WORDS)}'",
            f"(!has({domain}.{name}) || {domain}.{name}.matches('{self._one_of(*PATTERNS)}'))",
            f"('{name}' in {domain} ? {domain}.{name} : '') == '{self._one_of(*WORDS)}'",
        )
