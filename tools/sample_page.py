# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the page of a made-up fleet: sample_page.py DIRECTORY. With a Chromium on PATH also pictures, for a desk and for a phone."""
from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
SIZES = {"desk": (1280, 3000), "phone": (500, 5000)}
FRAME = '<body style="margin:0"><iframe src="page.html" style="border:0;width:390px;height:4900px"></iframe></body>'


def main(directory: str) -> int:
    """Write page.html, and the pictures."""
    sys.path.insert(0, str(TESTS))
    runpy.run_path(str(TESTS / "unit" / "conftest.py"))
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import page
    from support.sample_fleet import sample_fleet
    target = Path(directory).resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        (target / "page.html").write_text(page.page(sample_fleet(Path(work) / "storage")))
        (target / "phone.html").write_text(FRAME)  # no Chromium makes a window as narrow as a phone
        browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        for name, (width, height) in SIZES.items() if browser else ():
            source = target / ("phone.html" if name == "phone" else "page.html")
            subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={work}/profile",
                 f"--window-size={width},{height}", f"--screenshot={target}/{name}.png", source.as_uri()],
                check=True, capture_output=True, timeout=120)
    print(f"{target}: {', '.join(sorted(path.name for path in target.iterdir()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
