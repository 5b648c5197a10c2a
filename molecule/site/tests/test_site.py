# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook left on each host."""
from __future__ import annotations

import json


def test_the_timers_wait(host):
    for operation in ("", "-prune", "-verify"):
        timer = host.service(f"openclaw-backup{operation}@assistant.timer")
        assert timer.is_enabled and timer.is_running, operation


def test_the_service_backs_up(host):
    host.check_output("systemctl start openclaw-backup@assistant.service")
    listed = json.loads(host.check_output("openclaw-backup list --instance assistant --json"))
    assert listed["snapshots"][0]["kind"] == "scheduled"


def test_the_secret_is_roots_alone(host):
    found = host.check_output("grep -rlF correct-horse-battery-staple /etc /usr/local /var/lib/openclaw-backup /run/systemd 2> /dev/null || true")
    for path in found.split():
        assert host.file(path).user == "root" and not host.file(path).mode & 0o077, path


def test_no_unit_failed(host):
    assert host.check_output("systemctl is-system-running") == "running"
