# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the module openclaw_gateway: what a wanted state takes, and that it is reached."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import control


@pytest.mark.parametrize("up, wanted, stop, start", [
    (True, "status", False, False), (False, "status", False, False), (True, "started", False, False), (False, "started", False, True),
    (True, "stopped", True, False), (False, "stopped", False, False), (True, "restarted", True, True), (False, "restarted", False, True)])
def test_only_what_is_needed_is_done(lab, up, wanted, stop, start):
    if not up:
        lab.gateway.stop()
    change = control.plan(lab.open(), wanted)
    assert (change.stop, change.start) == (stop, start)
    assert lab.gateway.up == up, "a plan changes nothing"
    took = change.execute()
    assert (("stop_s" in took), ("start_s" in took)) == (stop, start)
    assert lab.gateway.up == {"status": up, "started": True, "stopped": False, "restarted": True}[wanted]


def test_a_gateway_that_runs_and_is_sick_is_not_called_started(lab):
    lab.gateway.failing = ["agent-database:main"]
    with pytest.raises(EngineError, match="agent-database:main"):
        control.plan(lab.open(start_timeout=5), "started").execute()


def test_a_look_at_a_sick_gateway_is_no_failure(lab):
    lab.gateway.failing = ["agent-database:main"]
    assert control.plan(lab.open(), "status").execute() == {}
    assert lab.open().report().health.word == "sick"


def test_a_restart_of_what_would_not_start_is_refused_and_a_stop_is_not(lab):
    lab.state.config("{ broken")
    with pytest.raises(EngineError) as caught:
        control.plan(lab.open(), "restarted").execute()
    assert caught.value.code == "gateway-not-startable" and lab.gateway.up
    control.plan(lab.open(), "stopped").execute()
    assert not lab.gateway.up


def test_a_restart_whose_stop_takes_too_long_leaves_it_running(lab):
    lab.manager.patience = None
    with pytest.raises(EngineError) as caught:
        control.plan(lab.open(stop_timeout=5), "restarted").execute()
    assert caught.value.code == "gateway-stop-timeout"
    assert lab.manager.ran("start") and lab.gateway.up


def test_the_report_names_what_a_person_asks_for(lab):
    found = lab.open().report().to_dict()
    assert {key: found[key] for key in ("kind", "unit", "state", "profile", "version", "pid")} == {
        "kind": "systemd-user", "unit": "openclaw-gateway.service", "state": "running", "profile": None, "version": "2026.9.6",
        "pid": lab.gateway.pid}
    assert found["health"]["state"] == "healthy"
