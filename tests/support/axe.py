# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""axe-core, the accessibility checker: a pinned release from npm, once, into the directory for things to keep."""
from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from .browser import Browser
from .openclaw.installation import default_cache

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="  # of the package, as npm states it
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def source() -> str:
    """The checker as JavaScript. RuntimeError where it cannot be had."""
    kept = Path(default_cache()) / f"axe-core-{VERSION}.tgz"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            done = subprocess.run(
                ["npm", "pack", "--silent", f"axe-core@{VERSION}"], cwd=work, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"npm could not get axe-core@{VERSION}: {done.stderr[-2000:]}")
            os.replace(next(Path(work).glob("*.tgz")), kept)
    if base64.b64encode(hashlib.sha512(kept.read_bytes()).digest()).decode() != SHA512:
        raise RuntimeError(f"{kept} is not axe-core@{VERSION} as it was published; remove it")
    with tarfile.open(kept) as package:
        return package.extractfile("package/axe.min.js").read().decode()


def violations(browser: Browser, checker: str) -> list[str]:
    """What the checker finds wrong with the page that is shown, a line for each element."""
    if not browser.evaluate("typeof axe === 'object'"):
        browser.evaluate(checker + ";0")
    found = browser.evaluate(f"axe.run(document, {{runOnly: {json.dumps(RULES)}, resultTypes: ['violations']}}).then(r => r.violations)")
    return [f"{rule['id']}: {node['html'][:120]}: {node['failureSummary'][:300]}" for rule in found for node in rule["nodes"]]
