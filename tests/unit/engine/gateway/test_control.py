# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever runs a gateway is found, stopped until nothing of it is left, and started until it is healthy, or it is told why not."""
from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import detect, ownership, services
from support.fake_host import database


def reach(uid: int) -> list[str]:
    """What is put in front of a command for this user's own manager."""
    return ["env", f"XDG_RUNTIME_DIR=/run/user/{uid}"]


def test_a_user_unit_is_stopped_and_started_through_its_users_manager(lab):
    gateway = lab.open()
    assert gateway.service.kind == "systemd-user" and gateway.status().up
    before = gateway.status().pid
    gateway.stop()
    assert not lab.gateway.up and gateway.fully_stopped() and gateway.status().state == "stopped"
    assert gateway.start().word == "healthy"
    assert gateway.status().pid not in (None, before)
    assert lab.manager.ran("systemctl", "--user", "stop", "openclaw-gateway.service")
    assert all(item == reach(os.geteuid()) for item in lab.manager.reached)


def test_a_profile_has_a_unit_of_its_own(lab):
    state = lab.home / ".openclaw-rescue"
    state.mkdir(mode=0o700)
    (state / "openclaw.json").write_text('{"gateway": {"port": 1}}')
    lab.user_unit("openclaw-gateway-rescue.service", "Environment=OPENCLAW_PROFILE=rescue")
    gateway = lab.open(profile="rescue")
    assert (gateway.service.kind, gateway.service.name) == ("systemd-user", "openclaw-gateway-rescue.service")


def test_root_reaches_another_users_manager(lab, monkeypatch):
    account = lab.open().location.account
    monkeypatch.setattr(services, "current_user_id", lambda: 0)
    other = type(account)("claw", 4711, 4711, account.home)
    service = services.SystemdService(lab.context, "openclaw-gateway.service", other)
    assert service.start_command() == ["runuser", "-u", "claw", "--", *reach(4711), "systemctl", "--user", "start", "--no-block",
                                       "openclaw-gateway.service"]


def test_one_user_does_not_act_for_another(lab, monkeypatch):
    account = lab.open().location.account
    monkeypatch.setattr(services, "current_user_id", lambda: 4711)
    service = services.SystemdService(lab.context, "x.service", type(account)("claw", 1, 1, account.home))
    with pytest.raises(EngineError, match="may not act for that user") as caught:
        service.status()
    assert caught.value.code == "gateway-not-controllable"


def test_a_system_unit_is_found_by_the_process_that_holds_the_state(lab, monkeypatch):
    monkeypatch.setattr(detect, "place_of", lambda pid: ownership.Place("my-agent.service", False))
    lab.manager.unit = "my-agent.service"
    gateway = lab.open()
    assert (gateway.service.kind, gateway.service.name) == ("systemd-system", "my-agent.service")
    gateway.stop()
    assert gateway.fully_stopped() and not any(lab.manager.reached)


def test_the_unit_that_somebody_started_a_gateway_from_by_hand_is_never_taken_for_it(lab, monkeypatch):
    """A gateway run in an SSH session is in the unit of the SSH server on some hosts."""
    monkeypatch.setattr(detect, "place_of", lambda pid: ownership.Place("ssh.service", False))
    assert lab.open().service.name == "openclaw-gateway.service"


def test_a_container_is_found_by_what_it_mounts(lab):
    for path in (lab.home / ".config").rglob("*.service"):
        path.unlink()
    lab.manager.container = "openclaw-gateway-1"
    lab.gateway.stop()
    gateway = lab.open()
    assert (gateway.service.kind, gateway.service.name) == ("container", "openclaw-gateway-1")
    lab.configure()
    (lab.state.path / "openclaw.json").write_text('{"gateway": {"port": 18789, "auth": {"token": "x"}}}')
    assert gateway.start().word == "healthy", "its port on this host is another than the one in its config"
    gateway.stop()
    assert lab.manager.ran("docker", "stop", "-t", "345", "openclaw-gateway-1")


def test_commands_of_ones_own(lab):
    gateway = lab.open(start_command=("start-it",), stop_command=("stop-it",), status_command=("is-it-up",))
    assert gateway.service.kind == "custom" and gateway.status().up
    gateway.stop()
    assert gateway.status().state == "stopped"
    assert gateway.start().word == "healthy"


def test_without_a_status_command_the_lock_decides(lab):
    gateway = lab.open(start_command=("start-it",), stop_command=("stop-it",))
    assert gateway.status().state == "running" and gateway.status().pid == lab.gateway.pid
    gateway.stop()
    assert gateway.status().state == "stopped"


@pytest.mark.parametrize("options", [
    {"unit": "a", "container": "b"}, {"unit": "a", "start_command": ("x",), "stop_command": ("y",)}, {"start_command": ("x",)}])
def test_options_that_contradict_each_other_are_refused(lab, options):
    with pytest.raises(EngineError) as caught:
        lab.open(**options)
    assert caught.value.code == "option-invalid"


def test_a_gateway_without_a_service_is_seen_and_left_alone(lab):
    for path in (lab.home / ".config").rglob("*.service"):
        path.unlink()
    gateway = lab.open()
    assert gateway.report().to_dict()["kind"] == "none" and gateway.status().state == "running"
    with pytest.raises(EngineError) as caught:
        gateway.require_startable()
    assert caught.value.code == "gateway-not-startable"
    with pytest.raises(EngineError):
        gateway.stop()
    assert lab.gateway.up


def test_a_stop_is_over_when_no_process_has_a_database_open(lab):
    path = database(lab.state.path / "state" / "openclaw.sqlite")
    code = f"import time; held = open({str(path)!r}, 'rb'); print('open', flush=True); time.sleep(60)"
    helper = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    helper.stdout.readline()
    gateway = lab.open()
    lab.gateway.stop()
    assert gateway.status().state == "stopped" and not gateway.fully_stopped()
    assert gateway.fully_stopped(frozenset({helper.pid}))
    helper.kill()
    helper.wait()
    helper.stdout.close()
    assert gateway.fully_stopped()


def test_a_lock_left_by_a_power_cut_counts_for_nothing(lab):
    lab.gateway.stop(clean=False)
    assert ownership.find_owner(str(lab.state.path)) is None and lab.open().fully_stopped()


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"pid": "x"}', '{"pid": true}', '{"pid": -1}', '{"pid": 1e400}', "[" * 10_000])
def test_a_lock_that_makes_no_sense_counts_for_nothing(lab, text):
    lab.gateway.stop()
    (lab.state.path / "tmp" / "openclaw-0" / "gateway.state.lock").write_text(text)
    assert ownership.find_owner(str(lab.state.path)) is None


def test_a_process_with_the_number_of_the_dead_one_is_not_the_gateway(lab):
    lab.gateway.stop()
    lock = lab.state.path / "tmp" / "openclaw-0" / "gateway.state.lock"
    lock.write_text(f'{{"pid": {os.getpid()}, "startTime": 1, "port": 1}}')
    assert ownership.find_owner(str(lab.state.path)) is None


def test_a_stop_that_does_not_come_to_an_end_is_told(lab):
    lab.manager.patience = None
    with pytest.raises(EngineError, match="not fully stopped after 20 s: process") as caught:
        lab.open(stop_timeout=20).stop()
    assert caught.value.code == "gateway-stop-timeout"


def test_a_long_drain_is_waited_for(lab):
    lab.manager.patience = 30
    lab.open().stop()
    assert not lab.gateway.up


def test_a_start_that_fails_is_told_at_once(lab):
    gateway = lab.open()
    gateway.stop()
    lab.manager.start_fails = True
    with pytest.raises(EngineError, match="its service failed") as caught:
        gateway.start()
    assert caught.value.code == "gateway-start-failed" and "journalctl --user -u openclaw-gateway.service" in caught.value.hint


def test_a_failed_unit_is_started_although_its_limit_of_starts_is_reached(lab):
    gateway = lab.open()
    gateway.stop()
    lab.manager.failed = True
    gateway.start()
    assert lab.manager.place("reset-failed") < lab.manager.place("start")


def test_a_start_is_not_over_before_the_gateway_says_so(lab):
    gateway = lab.open(start_timeout=10)
    gateway.stop()
    lab.gateway.started = False
    with pytest.raises(EngineError, match="was not healthy after 10 s"):
        gateway.start()


def test_a_gateway_that_refuses_an_agents_database_is_sick_and_one_with_a_logged_out_channel_is_not(lab):
    gateway = lab.open(start_timeout=10)
    lab.gateway.failing = ["whatsapp"]
    found = gateway.health()
    assert (found.word, found.sick, found.channels) == ("channels-failing", False, ["whatsapp"])
    gateway.stop()
    assert gateway.start().channels == ["whatsapp"], "a person has to log in again; the gateway runs"
    lab.gateway.failing = ["agent-database:main"]
    assert (gateway.health().word, gateway.health().sick) == ("sick", True)
    gateway.stop()
    with pytest.raises(EngineError, match="agent-database:main"):
        gateway.start()


@pytest.mark.parametrize("code, waited", [("ownership-mismatch", 10), ("inspection-failed", 10), ("inspection-pending", 100)])
def test_who_says_that_it_will_not_use_a_database_is_not_waited_for_as_one_that_starts(lab, code, waited):
    lab.gateway.failing, lab.gateway.refusals = ["agent-database:main"], [{"agentId": "main", "code": f"agent-database-{code}"}]
    gateway = lab.open(start_timeout=100)
    gateway.stop()
    began = lab.context.clock.elapsed()
    with pytest.raises(EngineError, match="agent-database:main"):
        gateway.start()
    assert waited <= lab.context.clock.elapsed() - began < waited + 60


def test_a_page_instead_of_an_answer_is_no_health(lab):
    """OpenClaw's user interface answers every unknown address with a page and status 200."""
    lab.gateway.page = lambda path: (200, b"<!doctype html>")
    assert lab.open().health().word == "down"


@pytest.mark.parametrize("change, words", [
    (lambda lab: setattr(lab.manager, "load", "masked"), "its unit is masked"),
    (lambda lab: setattr(lab.manager, "load", "not-found"), "its unit is not-found"),
    (lambda lab: lab.state.config("{ gateway: "), "its config .* has errors"),
])
def test_what_could_not_be_started_again_is_found_out_before_the_stop(lab, change, words):
    gateway = lab.open()
    change(lab)
    with pytest.raises(EngineError, match=words) as caught:
        gateway.require_startable()
    assert caught.value.code == "gateway-not-startable"


def test_a_container_that_is_removed_when_it_stops_could_not_be_started_again(lab):
    lab.manager.container, lab.manager.container_fields = "oc", {"AutoRemove": True}
    with pytest.raises(EngineError, match="removed when it stops"):
        lab.open(container="oc").require_startable()
