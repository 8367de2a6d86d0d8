"""setup.cfg says the version; whatever repeats it says the same.

After a change in setup.cfg, ``pytest --update-golden tests/test_version.py tests/pages/test_manual.py``
changes the others.
"""

from __future__ import annotations

import re

import pytest

from release.source import read_version
from tests.pages import ROOT

VERSION = read_version(ROOT)
_REPEATED = re.compile(
    r"""(?P<before>
        (?:^|[\s/`'"])gfd:                      # an image
      | image\.(?:tag|version)=                 # a chart value, a label of the image
      | ^(?:version|appVersion):\ (?=\d.*$)     # a chart
      | ^__version__\ =\ "
    )(?P<version>\d+\.\d+\.\d+)(?![-.\w]*[\d])""",
    re.VERBOSE | re.MULTILINE,
)
FILES = sorted(
    path
    for pattern in ("README.md", "RELEASING.md", "docs/*.md", "gfd/__init__.py", "manifests/**/*")
    for path in ROOT.glob(pattern)
    if path.is_file() and not path.is_symlink()
)
HOLD_IT = {
    *("README.md", "gfd/__init__.py", "manifests/base/daemonset.yaml", "manifests/image/Dockerfile"),
    *("manifests/helm/gfd/Chart.yaml", "manifests/helm/gfd-with-nfd/Chart.yaml"),
}


def test_the_version_is_the_same_everywhere(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        for path in FILES:
            text = path.read_text()
            changed = _REPEATED.sub(rf"\g<before>{VERSION}", text)
            if changed != text:
                path.write_text(changed)
    found = {
        str(path.relative_to(ROOT)): {match["version"] for match in _REPEATED.finditer(path.read_text())}
        for path in FILES
    }
    assert {name for name, versions in found.items() if versions} >= HOLD_IT
    assert {name: versions - {VERSION} for name, versions in found.items() if versions - {VERSION}} == {}
