"""Write NVIDIA's part of a list of PCI devices to the file that gfd comes with.

Debian's package pci.ids has the list. In a container of Debian::

    apt-get install pci.ids && python -m tests.probe.nvidia_pci_ids /usr/share/misc/pci.ids
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from gfd.probe.pci_ids import SHIPPED, VENDOR, list_devices

HEADER = """\
# The names of NVIDIA's PCI devices, from Debian's package pci.ids; python -m
# tests.probe.nvidia_pci_ids writes it.
#
#	Version: {version}
#	Date:    {date}
#
# The list is maintained by Albert Pool, Martin Mares, and other volunteers of the PCI ID Project
# at https://pci-ids.ucw.cz/. Copyright 1997-2026 Martin Mares, 2015-2026 Albert Pool. It may be
# distributed under the GNU General Public License, version 2 or later, or under the 3-clause BSD
# License, which gfd uses:
#
# Redistribution and use in source and binary forms, with or without modification, are permitted
# provided that the following conditions are met:
#
# 1. Redistributions of source code must retain the above copyright notice, this list of
# conditions and the following disclaimer.
# 2. Redistributions in binary form must reproduce the above copyright notice, this list of
# conditions and the following disclaimer in the documentation and/or other materials provided
# with the distribution.
# 3. Neither the name of the copyright holder nor the names of its contributors may be used to
# endorse or promote products derived from this software without specific prior written
# permission.
#
# THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR
# IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND
# FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
# CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR
# CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
# SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY
# THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR
# OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE
# POSSIBILITY OF SUCH DAMAGE.

"""


def extract(text: str) -> str:
    """Return the file with NVIDIA's part of ``text``, without the names of boards."""
    version, date = (re.search(rf"^#\s+{word}:\s+(.+)$", text, re.MULTILINE) for word in ("Version", "Date"))
    assert version, "the list has no version"
    assert date, "the list has no date"
    lines = [line for _, line in list_devices(text)]
    header = HEADER.format(version=version[1], date=date[1])
    return f"{header}{VENDOR}  NVIDIA Corporation\n" + "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    SHIPPED.write_text(extract(Path(sys.argv[1]).read_text(encoding="utf-8")), encoding="utf-8")
