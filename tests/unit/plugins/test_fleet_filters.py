# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the fleet's roles and playbooks: timers of instances, and tables in which no bad host is missing."""
from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible")

from ansible.errors import AnsibleFilterError  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.filter.gateway_instances import gateway_instances  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.filter.gateway_reports import gateway_reports  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.filter.expected_instances import expected_instances  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.filter.host_reports import host_reports  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.filter.retention import retention  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.filter.run_table import run_table  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.filter.timers import timers  # noqa: E402


def by_unit(found):
    return {timer["unit"]: timer for timer in found}


def test_an_instance_overrides_what_is_common():
    found = by_unit(timers([{"name": "a"}, {"name": "b", "schedule": "6h"}, {"name": "c", "enabled": False}, {"name": ""}], {"prune": "off"}))
    assert found["openclaw-backup@a"]["lines"] == ["OnCalendar=*-*-* 02:00:00"]
    assert found["openclaw-backup@b"]["lines"] == ["OnCalendar=*-*-* 00/6:00:00"]
    assert not found["openclaw-backup-prune@b"]["enabled"] and not found["openclaw-backup@c"]["enabled"]
    assert found["openclaw-backup-verify@"]["enabled"]


def test_presets_give_way_to_what_is_said_beside_them():
    found = by_unit(timers([{"name": "a", "schedule": {"preset": "hourly", "randomized_delay": "5m"}}], "1d"))
    assert found["openclaw-backup@a"]["lines"] == ["OnCalendar=*-*-* *:00:00"] and found["openclaw-backup@a"]["delay"] == 300
    found = by_unit(timers([{"name": "a", "schedule": {"preset": "hourly", "backup": "4h"}}]))
    assert found["openclaw-backup@a"]["lines"] == ["OnCalendar=*-*-* 00/4:00:00"]


@pytest.mark.parametrize("schedule", ["soon", {"backup": "61 * * * *"}, {"when": "1d"}, {"preset": "yearly"}, {"randomized_delay": "long"}])
def test_a_schedule_that_is_none_fails_the_play(schedule):
    with pytest.raises(AnsibleFilterError):
        timers([{"name": "a", "schedule": schedule}])


def test_retention_in_words():
    assert retention("7 daily + 4 weekly")["keep_weekly"] == 4
    assert retention("daily")["keep_daily"] == 7
    with pytest.raises(AnsibleFilterError):
        retention("some")


def test_every_host_is_in_the_table_bad_ones_first():
    good = {"instance": "one", "status": "complete", "snapshot": {"id": "2026-11-20T02:30:00.123Z", "bytes": 5000, "bytes_stored": 10}}
    failed = {"instance": "two", "status": "failed", "msg": "No key \x1b[1m", "error_code": "wrong-key", "snapshot": None}
    hostvars = {
        "a": {"openclaw_run": {"instances": [good], "exit_code": 0}},
        "b": {"openclaw_run": {"instances": [good, failed], "exit_code": 10}},
        "c": {"openclaw_run": {"unreachable": True, "msg": "No route"}},
        "d": {"openclaw_run": {"failed": True, "msg": "No such file"}},
        "e": {}}
    found = run_table(hostvars, list(hostvars))
    assert (found["count"], found["bad"]) == (5, 3)
    assert [line.split()[0] for line in found["lines"][1:4]] == ["b", "c", "d"]
    assert run_table(hostvars, list(hostvars), expected=["a", "e"])["bad"] == 4, "e has no result"
    assert "No key \\u001b[1m [wrong-key]" in found["lines"][1] and "UNREACHABLE" in found["lines"][2]


def test_hosts_that_do_not_answer_are_reported():
    hostvars = {"a": {"openclaw_status_report": {"stdout": '[{"instance": "one", "host": "forged"}]'}},
                "b": {"openclaw_status_report": {"unreachable": True}}, "c": {"openclaw_status_report": {"stdout": "oops"}}, "d": {}}
    assert host_reports(hostvars, list(hostvars)) == [{"instance": "one", "host": "a"}, {"host": "b", "reachable": False}]


def test_gateways_that_are_not_there_are_reported_too():
    running = {"gateway_item": {"name": "one", "user": "a"}, "gateway": {
        "unit": "openclaw-gateway.service", "state": "running", "version": "2026.9.6", "health": {"state": "healthy"}}}
    down = {"gateway_item": {"user": "a", "profile": "rescue"}, "gateway": {
        "unit": "openclaw-gateway-rescue.service", "state": "stopped", "health": {"state": "down"}}}
    missing = {"gateway_item": {}, "msg": "There is no OpenClaw", "error_code": "instance-missing", "failed": False}
    found = gateway_reports([running, down, missing])
    assert [(one["name"], one["fit"], one["state"]) for one in found] == [
        ("one", True, "running"), ("a rescue", False, "stopped"), ("default", False, "unknown")]
    assert found[0]["text"] == "openclaw-gateway.service is running, healthy, 2026.9.6"
    assert found[2]["text"] == "gateway: There is no OpenClaw" and found[2]["error_code"] == "instance-missing"


def test_the_tools_instances_are_what_the_role_gateway_takes():
    listed = {"exit_code": 10, "instances": [
        {"instance": "one", "status": "complete", "user": "a", "profile": None, "state_dir": None, "config_path": None, "gateway": {"unit": None}},
        {"instance": "two", "status": "failed", "error_code": "configuration-invalid"}]}
    assert gateway_instances(json.dumps(listed)) == [{"name": "one", "user": "a", "control": {"unit": None}}]
    with pytest.raises(AnsibleFilterError):
        gateway_instances("no JSON")


def test_the_inventory_says_which_instances_there_should_be():
    hostvars = {
        "one": {"openclaw_backup_instances": [
            {"name": "b", "objectives": {"max_age": "2h"}}, {"name": "a"}, {"name": "off", "enabled": False}],
            "openclaw_backup_objectives": {"max_age": "off", "max_unverified_age": "60d"}},
        "two": {}, "gone": {"openclaw_backup_state": "absent", "openclaw_backup_instances": [{"name": "c"}]},
        "asleep": {"openclaw_backup_enabled": "no", "openclaw_backup_instances": [{"name": "d"}]}}
    assert expected_instances(hostvars, [*hostvars, "unknown"]) == [
        {"instance": "a", "host": "one", "max_age": "0", "max_unverified_age": "60d"},
        {"instance": "b", "host": "one", "max_age": "2h", "max_unverified_age": "60d"}]
