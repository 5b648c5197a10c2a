# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real gateway's state is restored in place while it runs, whatever happens meanwhile: a kill, a power cut, a config it refuses."""
from __future__ import annotations

import json

import pytest

from hosts.lab import faults, lifecycle
from hosts.lab.fleet import Fleet
from hosts.lab.restoring import Restored

pytestmark = pytest.mark.long  # seven minutes
BESIDE = 1.0  # seconds that a restore may add to the gateway's own stop and start
VARIABLES = {
    "openclaw_backup_storage": {"url": "file:///srv/restore-tests"}, "openclaw_backup_encryption": {"enabled": False},
    "openclaw_backup_instances": [{"name": "assistant", "user": "agent", "gateway": {"start_timeout": 150}}],
}


@pytest.fixture(scope="module")
def restored(gateways, debian12, tmp_path_factory) -> Restored:
    """The tool, as the role installs it, and a snapshot "first" of a running gateway that has talked."""
    Fleet([debian12], tmp_path_factory.mktemp("play"), VARIABLES).install_tool()
    made = Restored(gateways["default"])
    made.gateway.command("agent", "--agent", "main", "--message", "remember the blue door", "--json", timeout=120)
    made.note("first")
    made.fill(100)
    made.tool("now", "--name", "first")
    yield made
    made.gateway.start()
    made.gateway.wait_until_ready()


def sessions(gateway) -> int:
    """How many the agent has."""
    return json.loads(gateway.command("sessions", "--json", "--all-agents", "--limit", "all").stdout)["count"]


@pytest.mark.parametrize("megabytes", [100, 2000])
def test_over_a_running_gateway_down_for_its_own_stop_and_start(restored, gateways, megabytes):
    gateway, others = restored.gateway, gateways["rescue"].process()
    if megabytes > 100:
        restored.fill(megabytes)
        restored.note("first")
        restored.tool("now", "--name", f"filled-{megabytes}")
    talked = sessions(gateway)
    restored.note("later")
    restored.note("new", "workspace/new.md")
    before = gateway.process()
    result = restored.restore(f"filled-{megabytes}" if megabytes > 100 else "first", "--keep-aside", "0")
    assert restored.notes() == "first" and result["plan"]["deleted"]
    assert result["health"]["state"] == "healthy" and gateway.process() not in (0, before)
    assert result["downtime_s"] - result["stop_s"] - result["start_s"] <= BESIDE
    assert result["bytes"] > megabytes * 900_000
    assert gateway.probe("readyz")["ready"] and sessions(gateway) == talked
    assert gateways["rescue"].process() == others and gateways["rescue"].probe("healthz")["status"] == "live"
    assert not restored.roots_files() and not restored.put_aside()
    again = restored.restore(result["plan"]["snapshot"])
    assert again["exit_code"] == 4, again["plan"]["paths"]


def test_a_killed_restore_leaves_no_gateway_on_half_a_state_and_is_ended_by_a_timer(restored):
    gateway = restored.gateway
    restored.note("kept")
    assert restored.restore_with([("after-exchange", 3, "kill")], "first", "--no-snapshot") is None
    gateway.systemctl("start", gateway.unit, check=False)
    assert gateway.process() == 0, "it must not run on half a state"
    timer = restored.host.inside("systemctl", "list-units", "--plain", "--no-legend", "openclaw-backup-dead-man-*.timer").stdout.split()[0]
    restored.host.inside("systemctl", "start", timer.replace(".timer", ".service"), check=False)
    lifecycle.wait(lambda: gateway.probe("readyz").get("ready") or None, 240.0, "the gateway did not come back")
    lifecycle.wait(lambda: not restored.put_aside() or None, 60.0, "the restore was not cleared away")
    assert restored.notes() == "kept" and not restored.roots_files()


def test_after_a_power_cut_the_old_state_is_back_by_itself(restored, gateways):
    gateway = restored.gateway
    restored.note("kept again")
    restored.stand_at("all-swapped", 1, "first", "--no-snapshot")
    faults.power_cut(restored.host)
    faults.power_on(restored.host)
    lifecycle.wait(lambda: gateway.probe("readyz").get("ready") or None, 300.0, "the gateway did not come back")
    lifecycle.wait(lambda: not restored.put_aside() or None, 60.0, "the restore was not cleared away")
    assert restored.notes() == "kept again" and not restored.roots_files()
    assert restored.host.inside("systemctl", "show", "--property=Result", "--value", "openclaw-restore-recover").stdout.strip() == "success"
    gateways["rescue"].wait_until_ready()


def test_what_the_gateway_would_not_start_with_stops_nothing_and_what_it_does_not_start_with_is_taken_back(restored):
    gateway, host = restored.gateway, restored.host
    config, settings = f"{gateway.state_dir}/openclaw.json", f"{gateway.state_dir}/gateway.systemd.env"
    known, usual = host.inside("cat", config).stdout, host.inside("cat", settings).stdout
    gateway.stop()
    host.write(config, json.dumps({**gateway.configuration(), "noSuchThing": 1}), gateway.user, "0600")
    restored.tool("now", "--name", "refused")
    host.write(config, known, gateway.user, "0600")
    host.write(settings, usual + "NODE_OPTIONS=--no-such-option\n", gateway.user, "0600")
    restored.tool("now", "--name", "broken")
    host.write(settings, usual, gateway.user, "0600")
    restored.note("in use")
    gateway.start()
    gateway.wait_until_ready()
    process = gateway.process()
    refused = restored.restore("refused", "--no-snapshot", check=False)
    assert refused["error_code"] == "openclaw-refuses-state" and gateway.process() == process, refused
    result = restored.restore("broken", "--no-snapshot", check=False)
    assert result["error_code"] == "restore-undone" and result["details"]["cause"] == "gateway-start-failed", result
    assert any("no-such-option" in line for line in result["details"]["log"])
    assert gateway.probe("readyz")["ready"] and restored.notes() == "in use" and not restored.put_aside()
    assert host.inside("cat", settings).stdout == usual


ANOTHER_OWNER = """runuser -u agent -- python3 -c "import sqlite3; base = sqlite3.connect('%s/agents/main/agent/openclaw-agent.sqlite'); \
base.execute(\\"UPDATE schema_meta SET agent_id = 'somebody'\\"); base.commit()" """


def test_what_the_gateway_starts_with_and_is_sick_with_is_taken_back(restored):
    """It starts, and refuses the database of an agent: nothing that was asked before the stop could tell."""
    gateway = restored.gateway
    restored.note("in use still")
    result = restored.restore_with([("before-start", 1, ANOTHER_OWNER % gateway.state_dir)], "first", "--no-snapshot")
    assert (result["error_code"], result["details"]["cause"]) == ("restore-undone", "gateway-start-failed"), result
    assert any("Refused agent main" in line for line in result["details"]["log"]), result
    assert gateway.probe("readyz")["ready"] and restored.notes() == "in use still"
    assert not restored.put_aside() and not restored.roots_files()
