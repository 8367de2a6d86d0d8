"""``gfd doctor``: everything between the GPU and the label, looked at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.commands.command import Command
from gfd.errors import GfdError
from gfd.options import Option

if TYPE_CHECKING:
    from gfd.commands.command import Values
    from gfd.config import Loaded


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.advice import doctor
    from gfd.advice.site import Site
    from gfd.advice.terminal import is_coloured, width_of

    findings = list(doctor.examine(Site(loaded.config)))
    if values["format"] == "json":
        sys.stdout.write(doctor.to_json(findings))
    else:
        width, coloured = width_of(sys.stdout), is_coloured(sys.stdout)
        sys.stdout.write(doctor.to_text(findings, width=width, is_coloured=coloured))
    failed = [name for name, finding in findings if finding.state == "fail"]
    if failed:
        raise GfdError(f"failed: {', '.join(failed)}")


COMMAND = Command(
    help="Examine all between GPU and label; exit code 1 if anything fails.",
    run=_run,
    options=(
        Option(
            field="format",
            flags=("--format", "-o"),
            kind="choice",
            choices=("text", "json"),
            default="text",
            group="Doctor",
            help="How to print.",
        ),
    ),
)
