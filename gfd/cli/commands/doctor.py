"""``gfd doctor``: check everything between the GPU and the label."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import make_format_option
from gfd.config.option import Option
from gfd.config.options import COMMAND_LINE, OPTIONS
from gfd.errors import ConfigError, GfdError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig
    from gfd.tools.doctor.result import Check


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.text import print_error
    from gfd.tools.doctor import bundle, runner
    from gfd.tools.doctor.context import Context
    from gfd.tools.terminal import is_coloured, width_of

    path, is_json = values["bundle"], values["format"] == "json"
    if path is not None:
        bundle.check_target(path)
        if path == bundle.STANDARD_OUTPUT and is_json:
            both = "json and --bundle - both write to standard output; name a file for the bundle"
            raise ConfigError("--format", COMMAND_LINE, both)
    elif values["log"] is not None or values["keep_names"]:
        flag = "--keep-names" if values["keep_names"] else "--log"
        raise ConfigError(flag, COMMAND_LINE, "works only with --bundle FILE.tar.gz")
    context = Context(loaded.config)
    if values["daemonset"] is None:
        results = list(runner.run_checks(context))
    else:
        results = list(runner.run_checks(context, _make_daemonset_checks(values)))
    # If the archive goes to standard output, print nothing else there.
    output = sys.stderr if path == bundle.STANDARD_OUTPUT else sys.stdout
    if is_json:
        output.write(runner.to_json(results))
    else:
        output.write(runner.to_text(results, width=width_of(output), is_coloured=is_coloured(output)))
    if path is not None:
        found = bundle.collect(loaded, context, results, log=values["log"], keeps_names=values["keep_names"])
        bundle.write(found, path)
        for name, reason in found.missing.items():
            print_error(f"warning: {name} is not in the bundle: {reason}")
        name = "the bundle" if path == bundle.STANDARD_OUTPUT else path
        print_error(f"{name} holds {', '.join(found.files)}; read it before you share it")
    failed = [name for name, result in results if result.state == "fail"]
    if failed:
        raise GfdError(f"failed: {', '.join(failed)}")


def _make_daemonset_checks(values: Values) -> tuple[Check, ...]:
    """Return the checks of --daemonset. Raises ConfigError."""
    from gfd.tools.doctor.checks import daemonset

    if values["bundle"] is not None:
        both = "checks all nodes, but --bundle collects the facts of this one; run one after the other"
        raise ConfigError("--daemonset", COMMAND_LINE, both)
    try:
        return daemonset.make_checks(*daemonset.parse_daemonset(values["daemonset"]))
    except ValueError as error:
        raise ConfigError("--daemonset", COMMAND_LINE, str(error)) from None


COMMAND = Command(
    help="Check everything between the GPU and the label.",
    run=_run,
    notes="The exit code is 1 if a check fails.",
    # It checks the configuration of the service, and the bundle holds all of it.
    general_options=tuple(option.field for option in OPTIONS),
    examples=("kubectl -n gfd exec POD -- gfd doctor", "gfd doctor --daemonset gfd/gfd"),
    reads_pod_token=True,
    options=(
        make_format_option("text", "json", group="Doctor", default="text"),
        Option(
            field="daemonset",
            flags=("--daemonset",),
            metavar="NAMESPACE/NAME",
            group="Doctor",
            help="Check the agents of this DaemonSet and the labels of all nodes, instead of this machine.",
        ),
        Option(
            field="bundle",
            flags=("--bundle",),
            kind="path",
            metavar="FILE.tar.gz",
            group="Doctor",
            help="Write an archive for a bug report; - writes to standard output. Names, UUIDs, serials and "
            "addresses are replaced.",
        ),
        Option(
            field="log",
            flags=("--log",),
            kind="path",
            metavar="FILE",
            group="Doctor",
            help="The log for the bundle; - reads standard input. Without --log: the log in the journal.",
        ),
        Option(
            field="keep_names",
            flags=("--keep-names",),
            kind="bool",
            default="false",
            group="Doctor",
            help="Replace only tokens and passwords in the bundle.",
        ),
    ),
)
