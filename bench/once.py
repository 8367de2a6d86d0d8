"""A small process that runs a command and writes down what that used: ``python once.py FILE COMMAND…``.

What the kernel calls the peak of a process begins with the memory of whoever started it, so that has to be
less than anything that is measured: this imports next to nothing.
"""

import os
import sys
import time


def main() -> None:
    """Write milliseconds of wall and of CPU, and the peak in KiB, its children included; exit as it did."""
    file, *command = sys.argv[1:]
    started_s = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(pid, 0)
    took_ms = (time.perf_counter() - started_s) * 1000
    with open(file, "w") as said:
        said.write(f"{took_ms} {(used.ru_utime + used.ru_stime) * 1000} {used.ru_maxrss}")
    sys.exit(os.waitstatus_to_exitcode(status) and 1)


main()
