# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real OpenClaw gateway on a host: a user unit, and a second profile beside it."""
from __future__ import annotations

import pytest

from hosts.lab import faults


@pytest.fixture(params=["default", "rescue"])
def gateway(gateways, request):
    """Each of the two."""
    return gateways[request.param]


def test_it_is_alive_and_ready(gateway):
    assert gateway.probe("healthz") == {"ok": True, "status": "live"}
    assert gateway.probe("readyz")["ready"] is True


def test_it_runs_as_the_agents_user_from_its_own_state(gateway, look):
    process = look(gateway.host).process.get(pid=gateway.process())
    assert process.user == "agent"
    assert look(gateway.host).file(f"{gateway.state_dir}/state").is_directory


def test_its_own_command_finds_it(gateway):
    assert '"ok"' in gateway.command("health", "--json").stdout


def test_an_agent_answers(gateways, models):
    before = models.turns
    gateways["default"].command("agent", "--agent", "main", "--message", "remember the blue door", "--json", timeout=120)
    assert models.turns > before


def test_it_stops_and_starts_as_a_unit(gateways):
    gateway = gateways["rescue"]
    first = gateway.process()
    gateway.stop()
    assert gateway.process() == 0
    assert gateway.probe("healthz") == {}
    assert gateways["default"].probe("healthz")["status"] == "live"
    gateway.start()
    gateway.wait_until_ready()
    assert gateway.process() not in (0, first)


def test_both_come_back_after_a_reboot(gateways, debian12):
    faults.reboot(debian12)
    for gateway in gateways.values():
        gateway.wait_until_ready()
