# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real gateway holds still for a backup by its own call, or is stopped and started around it; both are measured."""
from __future__ import annotations

import json
import re
import sqlite3
import time
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup_pins
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.calls import CallRefused, GatewayCalls
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.control import open_gateway
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.endpoint import find_endpoint
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import CommandResult
from support.backup_host import BackupHost
from support.openclaw.busy_agents import BusyAgents, wait_for
from support.openclaw.gateway import TOKEN

BESIDE = 1.0  # seconds: what a backup may add to the gateway's own drain, or to its stop and start
ERRORS = re.compile(r"\b(error|fatal|uncaught|SQLITE_\w+|database is locked|corrupt)\b", re.IGNORECASE)


@pytest.fixture
def host(openclaw_gateway, tmp_path):
    """The running gateway's home, and commands that start and stop it."""
    made = BackupHost(tmp_path, home=Path(openclaw_gateway.openclaw.home))
    made.context.run = commands(openclaw_gateway.openclaw)
    return made


COMMANDS = GatewayOptions(start_command=("start-it",), stop_command=("stop-it",), dead_man_timeout=0)


def commands(openclaw):
    """A service manager with one service; there is no systemd where these tests run."""
    def run(argv, timeout=60.0):
        if argv == ["start-it"]:
            openclaw.launch()
        elif argv == ["stop-it"]:
            openclaw.stop(timeout)
        else:
            return CommandResult(127, "", "no such command")
        return CommandResult(0, "", "")
    return run


def gateway_of(host, options=GatewayOptions()):
    return open_gateway(host.choose().source.instance, options, host.context)


def pinned_for(monkeypatch) -> list[float]:
    """Collects how long the pins took."""
    took, original = [], backup_pins.Pins.__init__

    def pin(self, *arguments, **more):
        began = time.monotonic()
        original(self, *arguments, **more)
        took.append(time.monotonic() - began)
    monkeypatch.setattr(backup_pins.Pins, "__init__", pin)
    return took


def complaints(text: str) -> list[str]:
    """Lines of a log that tell of something wrong."""
    return [line for line in text.splitlines() if ERRORS.search(line)]


def sound(host) -> None:
    """Every database of the newest snapshot is whole."""
    target = host.restore()
    found = [path for path in target.rglob("*.sqlite") if path.stat().st_size]
    for path in found:
        connection = sqlite3.connect(path)
        connection.create_function("octet_length", 1, lambda value: None if value is None else len(
            value if isinstance(value, bytes) else str(value).encode()), deterministic=True)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path
        connection.close()
    assert len(found) >= 3


def test_a_working_gateway_is_suspended_for_the_moment_of_the_pins_only(openclaw_gateway, host, monkeypatch):
    original = openclaw_gateway.openclaw
    process, pins = gateway_of(host).report().owner.pid, pinned_for(monkeypatch)
    logged = len(original.log())
    with BusyAgents(original) as agents:
        wait_for(lambda: agents.turns >= 1)
        result = host.back_up(consistency="suspend", on_busy="fail")
        done = agents.turns
        wait_for(lambda: agents.turns >= done + 2)
    figures = {key: result[key] for key in ("downtime_s", "drain_s")} | {"pins_s": round(pins[0], 3)}
    print("measured:", json.dumps(figures))
    assert result["consistency"] == "suspend", result["consistency_reason"]
    assert result["downtime_s"] <= result["drain_s"] + BESIDE, figures
    assert gateway_of(host).report().owner.pid == process, "the gateway was started anew"
    assert not complaints(original.log()[logged:])
    assert result["omissions"] == [] and host.manifest_meta()["moment_exact"]
    sound(host)


def test_a_suspended_gateway_takes_no_new_work_and_is_not_called_sick(openclaw_gateway, host):
    gateway = gateway_of(host)
    with gateway.suspension() as held:
        found = gateway.health()
        assert (found.word, found.sick, found.draining) == ("draining", False, True)
        refused = openclaw_gateway.openclaw.command(
            "gateway", "call", "agent", "--params", '{"message": "x", "agentId": "main", "idempotencyKey": "k"}', "--json", check=False)
        assert refused.returncode and "UNAVAILABLE" in refused.stdout + refused.stderr
        assert held.end() is True
    assert gateway.health().word == "healthy"


def test_the_lease_is_renewed_and_a_second_one_is_refused(openclaw_gateway, host):
    gateway = gateway_of(host)
    with gateway.suspension() as held:
        assert held._prepare()["status"] == "ready" and held._unbroken
        with pytest.raises(EngineError) as caught:
            gateway.suspension().begin()
        assert caught.value.code == "gateway-busy"
        assert gateway.health().draining, "the refused one ended the one that is held"
        assert held.end() is True


def test_a_call_that_a_gateway_does_not_know_is_told_apart(openclaw_gateway, host):
    """As prepare is unknown to releases before it existed."""
    calls = GatewayCalls(find_endpoint(gateway_of(host).location), host.context)
    with pytest.raises(CallRefused) as caught:
        calls.call("gateway.hibernate")
    calls.close()
    assert caught.value.reason == "INVALID_REQUEST"


def test_our_connection_leaves_no_device_behind(openclaw_gateway, host):
    def paired() -> dict:  # asked by OpenClaw's own command: by a connection of ours, what that leaves would be there before, too
        return openclaw_gateway.openclaw.json_command("gateway", "call", "device.pair.list")
    before = paired()
    with gateway_of(host).suspension():
        pass
    assert paired() == before


def test_a_gateway_is_stopped_pinned_and_started_and_stored_afterwards(openclaw_gateway, host, monkeypatch):
    original = openclaw_gateway.openclaw
    before, pins, process = original.contents(), pinned_for(monkeypatch), gateway_of(host).report().owner.pid
    logged = len(original.log())
    result = host.back_up(consistency="stop", force=True, gateway=COMMANDS)
    figures = {key: result[key] for key in ("downtime_s", "stop_s", "start_s")} | {"pins_s": round(pins[0], 3)}
    print("measured:", json.dumps(figures))
    assert result["consistency"] == "stop", result["consistency_reason"]
    assert result["downtime_s"] <= result["stop_s"] + result["start_s"] + BESIDE, figures
    assert gateway_of(host).report().owner.pid != process and original.probe("readyz")["ready"]
    assert not complaints(original.log()[logged:])
    assert original.contents() == before
    assert result["omissions"] == [] and host.manifest_meta()["moment_exact"]
    sound(host)


def test_stop_means_that_nothing_of_it_is_left(openclaw_gateway, host):
    gateway = gateway_of(host, COMMANDS)
    assert not gateway.fully_stopped() and gateway.report().health.word == "healthy"
    gateway.stop()
    try:
        assert gateway.report().owner is None and gateway.report().health.word == "down"
        result = host.back_up(consistency="suspend", force=True, gateway=COMMANDS)
        assert (result["consistency"], result["consistency_reason"]) == ("stop", "the gateway was not running")
        assert gateway.fully_stopped()
    finally:
        gateway.start()


def test_a_killed_gateway_left_a_lock_that_counts_for_nothing(openclaw_gateway, host):
    gateway = gateway_of(host, COMMANDS)
    openclaw_gateway.openclaw.kill()
    try:
        assert list(Path(openclaw_gateway.openclaw.state_dir).glob("tmp/openclaw-*/gateway.state.lock"))
        assert gateway.fully_stopped()
    finally:
        gateway.start()


def test_the_gateways_secret_shows_nowhere(openclaw_gateway, host):
    result = host.back_up(consistency="suspend", force=True)
    assert TOKEN not in json.dumps(result) + json.dumps(gateway_of(host).report().to_dict()) + json.dumps(host.manifest_meta())
