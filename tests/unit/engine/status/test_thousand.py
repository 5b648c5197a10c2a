# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A thousand instances in one storage are looked at, and the page is written, in under 10 s and 300 MB."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.simulated_fleet import healthy

TESTS = Path(__file__).resolve().parents[3]
DIFFERENT = 50  # instances that are made; the others have the same content, since making them takes a minute
# Its own process: memory is measured of it alone. Not by getrusage(), where what started it counts too.
LOOK = """
import json, sys, time
sys.path[:0] = sys.argv[1:3]
import conftest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import metrics, page, text
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status import fleet
started, worked = time.monotonic(), time.process_time()
found = fleet.look(StorageOptions(url=sys.argv[3]), Context(cache_dir=sys.argv[4]))
document = page.page(found)
text.table(found), metrics.textfile(found), json.dumps(found.to_dict())
print(json.dumps({
    "instances": len(found.instances), "ok": found.count("ok"), "seconds": time.monotonic() - started, "cpu": time.process_time() - worked,
    "kib": next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")), "requests": found.requests, "page": len(document)}))
"""


@pytest.mark.slow
def test_a_thousand_instances_are_seen_at_a_glance(tmp_path):
    storage = tmp_path / "storage"
    storage.mkdir()
    now = time.time()
    try:
        for number in range(1000):
            name = f"agent-{number:04d}"
            if number < DIFFERENT:
                healthy(storage, name, now)
            else:
                shutil.copytree(storage / f"agent-{number % DIFFERENT:04d}", storage / name, copy_function=os.link)
        arguments = [str(TESTS), str(TESTS / "unit"), f"file://{storage}", str(tmp_path / "cache")]
        first, second = (json.loads(subprocess.run(
            [sys.executable, "-c", LOOK, *arguments], check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"},
        ).stdout) for _look in range(2))
    finally:
        shutil.rmtree(storage)  # 120,000 files
    for found in (first, second):
        assert found["instances"] == found["ok"] == 1000
        assert found["kib"] < 300 * 1024
        assert found["page"] < 5_000_000
    # A machine that others load as well is slow without fault: the better look counts, and the processor's time is enough.
    assert min(found[clock] for found in (first, second) for clock in ("seconds", "cpu")) < 10  # 4 s here
    assert first["requests"] < 10_000 and second["requests"] < 7_000
