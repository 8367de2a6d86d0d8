from collections.abc import Callable

Gfd = Callable[..., tuple[int | None, str, str]]
"""Takes a command line and an environment; returns exit code, standard output and standard error."""

DOC = ("--simulate", "mig-doc", "--mig", "all-1g.5gb", "--mig-strategy", "single", "--no-timestamp")
