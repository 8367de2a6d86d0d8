"""The commands beside the service, and the options that each has of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gfd.errors import DriverUnavailable, GfdError, InventoryError, PublishError
from gfd.options import Option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.config import Loaded
    from gfd.inventory import Inventory

FORMAT_NAMES = ("table", "json", "yaml", "nfd")
SHELLS = ("bash", "zsh", "tcsh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A word after ``gfd``."""

    help: str
    """One sentence."""
    run: Callable[[Loaded, Mapping[str, str]], None]
    """From the configuration and the values of :attr:`options`; raises GfdError."""
    options: tuple[Option, ...] = ()
    argument: Option | None = None
    """What may follow the word without a flag."""


def dump(loaded: Loaded, values: Mapping[str, str]) -> None:
    """Print the labels of this machine, a simulated one, or a snapshot."""
    from gfd import dump as formats
    from gfd.isolation import once
    from gfd.order import plan

    path = values.get("inventory")
    order = plan(loaded.config, inventory=_read_snapshot(path) if path else None)
    try:
        reading = once.label(order)
    except DriverUnavailable as error:
        hint = "To see the labels of another machine, name one of gfd machines with --simulate"
        raise DriverUnavailable(f"{error}. {hint}") from error
    for index, reason in reading.failed_gpus.items():
        sys.stderr.write(f"gfd: warning: GPU {index} is left out: {reason}\n")
    wanted = values.get("format")
    if wanted is None and sys.stdout.isatty():
        sys.stdout.write(formats.to_rich_table(reading.labels) or formats.to_table(reading.labels))
    else:
        sys.stdout.write(formats.FORMATS[wanted or "nfd"](reading.labels))


def snapshot(loaded: Loaded, values: Mapping[str, str]) -> None:
    """Print or write the inventory."""
    from gfd import snapshot as text
    from gfd.isolation import once
    from gfd.order import plan

    inventory = once.take_snapshot(plan(loaded.config, job="snapshot"))
    path = values.get("snapshot_file", "")
    content = text.to_json(inventory) if path.endswith(".json") else text.to_yaml(inventory)
    if not path:
        sys.stdout.write(content)
        return
    try:
        Path(path).write_text(content)
    except OSError as error:
        raise PublishError("snapshot", path, error.strerror or str(error)) from error


def machines(loaded: Loaded, values: Mapping[str, str]) -> None:
    """List the machines that can be simulated."""
    from gfd.probe import machines as simulated

    names = simulated.names()
    width = max(len(name) for name in names)
    for name in names:
        sys.stdout.write(f"{name:<{width}}  {simulated.describe(name)}\n")


def config(loaded: Loaded, values: Mapping[str, str]) -> None:
    """Print every effective value and where it came from."""
    rows = [(setting.option.flag, setting.text, setting.origin) for setting in loaded.settings]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for flag, text, origin in rows:
        sys.stdout.write(f"{flag:<{widths[0]}}  {text:<{widths[1]}}  {origin}\n")


def cleanup(loaded: Loaded, values: Mapping[str, str]) -> None:
    """Withdraw what gfd published."""
    from gfd.sinks import SINKS

    errors = []
    for name in loaded.config.sinks:
        sink = SINKS[name](loaded.config, lambda _: None)
        if name == "stdout":
            sys.stdout.write("nothing to withdraw: labels go to standard output\n")
            continue
        try:
            said = "removed" if sink.withdraw() else "was not there"
        except PublishError as error:
            errors.append(error)
        else:
            sys.stdout.write(f"{sink.target}: {said}\n")
    if errors:
        raise GfdError("; ".join(str(error) for error in errors))


def completion(loaded: Loaded, values: Mapping[str, str]) -> None:
    """Print a shell's completion script."""
    from gfd.completion import write

    sys.stdout.write(write(values["shell"], COMMANDS))


def _read_snapshot(path: str) -> Inventory:
    from gfd import snapshot as text

    try:
        content = sys.stdin.read() if path == "-" else Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise InventoryError(path, "", f"{reason}; take one with gfd snapshot -o {path}") from error
    return text.read(content, path)


COMMANDS: dict[str, Command] = {
    "dump": Command(
        help="Print this machine's labels, once.",
        run=dump,
        options=(
            Option(
                field="format",
                flags=("--format", "-o"),
                kind="choice",
                choices=FORMAT_NAMES,
                group="Dump",
                help="How to print; unless given, a table on a terminal and nfd's lines elsewhere.",
            ),
            Option(
                field="inventory",
                flags=("--inventory",),
                kind="path",
                metavar="FILE",
                group="Dump",
                help="Label the node of a snapshot instead of this one; - reads standard input.",
            ),
        ),
    ),
    "snapshot": Command(
        help="Print the inventory that labels are made from, for replay.",
        run=snapshot,
        options=(
            Option(
                field="snapshot_file",
                flags=("--file", "-o"),
                kind="path",
                metavar="FILE",
                group="Snapshot",
                help="Write there, JSON if the name ends in .json, instead of printing YAML.",
            ),
        ),
    ),
    "machines": Command(help="List the machines that --simulate knows.", run=machines),
    "config": Command(help="Print every effective option and where it came from.", run=config),
    "cleanup": Command(help="Withdraw the labels from each --sink.", run=cleanup),
    "completion": Command(
        help="Print the completion script of a shell.",
        run=completion,
        argument=Option(
            field="shell",
            flags=("SHELL",),
            kind="choice",
            choices=SHELLS,
            group="Completion",
            help="The shell to complete for.",
        ),
    ),
}
