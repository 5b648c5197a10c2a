# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scenario's play left on each host."""
from __future__ import annotations

import time


def test_the_system_runs_without_a_failed_unit(host):
    assert host.check_output("systemctl is-system-running") == "running"


def test_the_timer_fires(host):
    deadline = time.monotonic() + 20
    while not host.file("/var/lib/scenario/ran").exists and time.monotonic() < deadline:
        time.sleep(0.2)
    assert host.file("/var/lib/scenario/ran").exists
    assert host.service("scenario.timer").is_enabled


def test_the_users_unit_runs_as_the_user(host):
    assert host.process.get(user="agent", comm="sleep")
