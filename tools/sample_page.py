# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the page of a made-up fleet: sample_page.py DIRECTORY. With chromium and chromedriver on PATH also pictures, and a PDF."""
from __future__ import annotations

import runpy
import shutil
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
VIEWS = {"desk": (1280, "light"), "desk-dark": (1280, "dark"), "phone": (360, "light"), "phone-dark": (360, "dark")}


def main(directory: str) -> int:
    """Write page.html, and the pictures."""
    sys.path.insert(0, str(TESTS))
    runpy.run_path(str(TESTS / "unit" / "conftest.py"))
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import page
    from support.browser import PACKAGES, Browser
    from support.sample_fleet import sample_fleet
    target = Path(directory).resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        (target / "page.html").write_text(page.page(sample_fleet(Path(work) / "storage")))
    if all(map(shutil.which, PACKAGES)):
        with Browser() as browser:
            browser.open((target / "page.html").as_uri())
            for name, (width, scheme) in VIEWS.items():
                browser.view(width, scheme=scheme)
                browser.picture(target / f"{name}.png")
            browser.printed(target / "page.pdf")
    print(f"{target}: {', '.join(sorted(path.name for path in target.iterdir()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
