# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small fleet in which everything occurs that a report can show; also what `make page` renders."""
from __future__ import annotations

import shutil
import time
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import names
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status import fleet
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status.model import Channel, Expected, Fleet, Report
from support.simulated_fleet import DAY, SimulatedInstance, healthy

HOUR = 3600.0
HOSTILE = "<script>alert('1')</script> \x1b[31m \u202egnp.exe \"quoted\" & 'more'"


def sample_fleet(directory: Path) -> Fleet:
    """Make the repositories of the fleet anew in a directory, and look at them."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    now = time.time()
    for number, name in enumerate(("atelier-vega", "bakery-sol", "clinic-north", "studio-lumen", "workshop.example", "zoo-keeper-bot")):
        healthy(directory, name, now - number * HOUR, size=(number + 1) * 310_000_000)
    young = SimulatedInstance(directory, "newcomer")
    for age in range(4, 0, -1):
        young.snapshot(now - age * DAY + 2 * HOUR, bytes=9_000_000)
    _bad(directory, now)
    _to_look_at(directory, now)
    channels = ((), (Channel("telegram", "yes"),), (Channel("signal", "no"), Channel("discord", "yes"), Channel("whatsapp")), None)
    reports = [
        Report(name, next_run=now + (number + 1) * HOUR, channels=channels[number]) for number, name in enumerate(("atelier-vega", "bakery-sol", "clinic-north", "newcomer"))]
    reports += [
        Report("law-office", "vps-07", failing_since=now - 4 * DAY, error_code="storage-no-permission", message=HOSTILE),
        Report("museum-guide", "vps-12", reachable=False), Report("seasonal-shop", "vps-14", enabled=False)]
    return fleet.look(StorageOptions(url=f"file://{directory}"), Context(), expected=[Expected("never-arrived", "vps-09")], reports=reports)


def _bad(directory: Path, now: float) -> None:
    damaged = healthy(directory, "archive-of-a-customer-with-quite-a-long-name", now)
    damaged.verification(names.id_of_time(now - 3 * DAY - 3 * HOUR), now - 2 * HOUR, passed=False, duration_ms=61_000, host="staging-1", checks=[
        {"name": name, "result": "failed" if name == "databases" else "passed"} for name in ("repository", "data", "databases")])
    failing = SimulatedInstance(directory, "law-office", "vps-07")
    for age in range(60, 4, -1):
        failing.snapshot(now - age * DAY, bytes=640_000_000 + (60 - age) * 9_000_000)
    for age in range(4, 0, -1):
        failing.run(now - age * DAY, "failure", error_code="storage-no-permission")
    stale = SimulatedInstance(directory, "radio-host")
    for age in range(80, 9, -2):
        stale.snapshot(now - age * DAY, bytes=2_100_000_000)
    SimulatedInstance(directory, "half-set-up").describe(now)


def _to_look_at(directory: Path, now: float) -> None:
    unproven = SimulatedInstance(directory, "garden-shop")
    for age in range(70, -1, -1):
        if age % 9 == 4:
            unproven.run(now - age * DAY - HOUR, "failure", error_code="storage-unreachable")
        elif age % 3:
            unproven.snapshot(now - age * DAY - HOUR, bytes=55_000_000 + (70 - age) * 400_000)
    unproven.run(now - HOUR, "unchanged", snapshot=unproven.snapshot(now - 2 * HOUR, bytes=84_000_000))
    incomplete = healthy(directory, "press-desk", now - 5 * HOUR)
    incomplete.snapshot(now - 2 * HOUR, omissions=17, bytes=1_720_000_000)
    for name in ("museum-guide", "seasonal-shop"):
        healthy(directory, name, now - 2 * HOUR, days=40)
