# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook status: a table for people, a page, and an exit code for machines; hosts that do not answer are in it."""
from __future__ import annotations

import json
import subprocess
import time

import pytest
from support.simulated_fleet import DAY, SimulatedInstance, healthy

INVENTORY = """\
[openclaw_servers]
here ansible_connection=local
gone ansible_host=192.0.2.1 ansible_connection=ssh ansible_ssh_extra_args='-o ConnectTimeout=1'
"""


@pytest.fixture(name="storage")
def _storage(tmp_path):
    directory = tmp_path / "storage"
    healthy(directory, "assistant", time.time())
    healthy(directory, "on-gone", time.time()).run(time.time(), "unchanged", host="gone.example.org")
    return directory


def variables(tmp_path, storage, **more) -> dict:
    return {"openclaw_backup_storage_url": f"file://{storage}", "openclaw_become": False, "openclaw_status_page": str(tmp_path / "page.html"),
            "openclaw_status_json": str(tmp_path / "status.json"), **more}


def test_a_fleet_in_order_is_told_so(ansible, storage, tmp_path):
    output = ansible.play("openclaw_ops.backup.status", variables=variables(tmp_path, storage))
    assert "2 instances: 0 bad, 0 to look at, 2 in order" in output
    assert "changed=0" in output
    assert "assistant" in (tmp_path / "page.html").read_text()


def test_a_stale_instance_ends_the_playbook_with_an_error_after_everything_was_written(ansible, storage, tmp_path):
    SimulatedInstance(storage, "stopped").snapshot(time.time() - 3 * DAY)
    result = ansible.run("openclaw_ops.backup.status", variables=variables(tmp_path, storage))
    assert result.returncode != 0
    assert "3 instances: 1 bad" in result.stdout
    assert "stopped" in (tmp_path / "page.html").read_text()
    assert ansible.run(
        "openclaw_ops.backup.status", variables=variables(tmp_path, storage, openclaw_status_fail_on="none")).returncode == 0


def test_hosts_that_do_not_answer_are_shown_and_stop_nothing(ansible, storage, tmp_path):
    inventory = tmp_path / "inventory"
    inventory.write_text(INVENTORY)
    ansible.run("openclaw_ops.backup.status", "-i", str(inventory), variables=variables(tmp_path, storage))
    found = {row["instance"]: row for row in json.loads((tmp_path / "status.json").read_text())["instances"]}
    assert found["assistant"]["health"] == "ok"
    assert found["on-gone"]["health"] in ("unreachable", "incomplete"), "the storage knows its host by its full name"


def test_an_instance_that_the_inventory_names_and_that_never_arrived_is_bad_and_the_report_is_signed(ansible, storage, tmp_path):
    inventory = tmp_path / "inventory"
    inventory.write_text(
        "[openclaw_servers]\nhere ansible_connection=local openclaw_backup_instances='[{\"name\": \"assistant\"}, {\"name\": \"missing\"}]'\n")
    report, key = tmp_path / "report.json", tmp_path / "report.key"
    result = ansible.run("openclaw_ops.backup.status", "-i", str(inventory), variables=variables(
        tmp_path, storage, openclaw_status_report=str(report), openclaw_status_report_key=str(key)))
    assert result.returncode != 0
    found = {row["instance"]: row for row in json.loads(report.read_text())["instances"]}
    assert found["missing"]["health"] == "never" and found["missing"]["host"] == "here"
    subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{key}.pub", "-rawin", "-in", report, "-sigfile", f"{report}.sig"], check=True)
