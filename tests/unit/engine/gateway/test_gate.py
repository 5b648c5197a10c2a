# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A gate keeps a gateway from starting while its marker is there, is found by whoever comes later, and leaves nothing behind."""
from __future__ import annotations

import os

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.units import find_units
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import control, gate, services
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.gate import Gate
from support.fake_host import tree

REASON = "a restore is half done"


@pytest.fixture
def marker(lab):
    path = lab.home / "journal.json"
    path.write_text("{}")
    return path


def gate_of(gateway, purpose: str = gate.RESTORE) -> Gate:
    return Gate(gateway.service, gateway.location, purpose=purpose)


def drop_in(lab, purpose: str = gate.RESTORE):
    return lab.home / f".config/systemd/user/openclaw-gateway.service.d/zz-openclaw-backup-{purpose}.conf"


def test_a_unit_gets_a_condition_and_loses_it_again(lab, marker):
    gateway, before = lab.open(), tree(lab.home)
    assert gate_of(gateway).closed() is None
    assert gate_of(gateway).close(REASON, str(marker)) == ""
    text = drop_in(lab).read_text()
    assert text.splitlines()[1:3] == ["[Unit]", f"ConditionPathExists=!{marker}"] and REASON in text.splitlines()[0]
    assert text.splitlines()[3:] == ["[Service]", f"ExecCondition=/bin/sh -c 'test ! -e \"$$1\"' sh \"{marker}\""]
    assert gate_of(lab.open()).closed() == REASON, "whoever comes later finds it"
    gate_of(lab.open()).open()
    assert gate_of(gateway).closed() is None and tree(lab.home) == before
    gate_of(gateway).open()


def test_signs_that_mean_something_to_systemd_stay_what_they_are(lab):
    marker = lab.home / '100% of %h \\ "$it"'
    marker.write_text("")
    gate_of(lab.open()).close("two\nlines", str(marker))
    lines = drop_in(lab).read_text().splitlines()
    assert len(lines) == 5 and lines[2] == f'ConditionPathExists=!{lab.home}/100%% of %%h \\ "$it"'
    assert lines[4].endswith(f' sh "{lab.home}/100%% of %%h \\\\ \\"$$it\\""')


@pytest.mark.parametrize("name", ["line\nbreak", "blank ", "backslash\\"])
def test_a_marker_that_systemd_would_not_understand_is_refused(lab, name):
    (lab.home / name).write_text("")
    with pytest.raises(EngineError) as caught:
        gate_of(lab.open()).close(REASON, f"{lab.home}/{name}")
    assert caught.value.code == "gateway-gate-failed" and not drop_in(lab).exists()


def test_a_marker_that_is_not_there_would_hold_nothing(lab):
    with pytest.raises(EngineError) as caught:
        gate_of(lab.open()).close(REASON, f"{lab.home}/absent")
    assert caught.value.code == "gateway-gate-failed" and not drop_in(lab).exists()


def test_without_its_marker_it_is_open(lab, marker):
    gate_of(lab.open()).close(REASON, str(marker))
    marker.unlink()
    assert gate_of(lab.open()).closed() is None and gate.why_closed(str(lab.state.path)) is None


def test_two_purposes_do_not_touch_each_other(lab, marker):
    gateway = lab.open()
    gate_of(gateway).close(REASON, str(marker))
    gate_of(gateway, gate.FENCE).close("it moved", str(marker))
    gate_of(gateway).open()
    assert not drop_in(lab).exists() and drop_in(lab, gate.FENCE).exists()
    assert gate.why_closed(str(lab.state.path)) == "it moved"


def test_this_collection_starts_nothing_through_a_closed_gate(lab, marker):
    gateway = lab.open()
    gateway.stop()
    gate_of(gateway).close(REASON, str(marker))
    for attempt in (gateway.start, gateway.order_start, gateway.require_startable, lambda: control.plan(gateway, "started")):
        with pytest.raises(EngineError, match=REASON) as caught:
            attempt()
        assert caught.value.code == "gateway-gate-closed"
    assert not lab.gateway.up and control.plan(gateway, "stopped").wanted == "stopped"
    gate_of(gateway).open()
    assert gateway.start().word == "healthy"


def test_it_is_no_part_of_the_instance(lab, marker):
    """A snapshot that is restored elsewhere shall not bring it along."""
    gateway = lab.open()
    gate_of(gateway).close(REASON, str(marker))
    [found] = find_units(gateway.location.account)
    assert str(drop_in(lab)) not in found.files and drop_in(lab).exists()


def test_a_container_loses_its_restart_policy_and_gets_the_same_one_back(lab, marker):
    lab.manager.container, lab.manager.container_fields = "openclaw-1", {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 4}}
    gateway = lab.open(container="openclaw-1")
    assert "explicit start" in gate_of(gateway).close(REASON, str(marker))
    gate_of(gateway).close("closed once more", str(marker))
    assert lab.manager.container_fields["RestartPolicy"]["Name"] == "no"
    gate_of(gateway).open()
    assert lab.manager.container_fields["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 4}


def test_commands_of_ones_own_are_held_by_the_record_alone(lab, marker):
    gateway = lab.open(start_command=("start-it",), stop_command=("stop-it",))
    assert gate_of(gateway).close(REASON, str(marker)) != ""
    gateway.stop()
    with pytest.raises(EngineError):
        gateway.order_start()
    gate_of(gateway).open()
    gateway.order_start()
    assert lab.gateway.up


def test_the_rights_of_the_units_owner_are_used_in_their_home(lab, marker, monkeypatch):
    account = lab.open().location.account
    monkeypatch.setattr(services, "current_user_id", lambda: 0)
    service = services.SystemdService(lab.context, "x.service", type(account)("claw", 4711, 4711, account.home))
    service.hold(gate.RESTORE, str(marker), REASON)
    assert all(item[:3] == ["runuser", "-u", "claw"] for item in lab.manager.reached)


def test_a_system_unit_has_its_condition_in_etc(lab, marker, monkeypatch, tmp_path):
    monkeypatch.setattr(services, "SYSTEM_DIRECTORIES", (str(tmp_path / "etc"),))
    service = services.SystemdService(lab.context, "openclaw.service", None)
    service.hold(gate.RESTORE, str(marker), REASON)
    assert (tmp_path / "etc/openclaw.service.d/zz-openclaw-backup-restore.conf").exists()
    assert ["systemctl", "daemon-reload"] in lab.manager.commands
    service.release(gate.RESTORE, {})
    assert not (tmp_path / "etc/openclaw.service.d").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"reason": 1, "marker": "/", "remembered": {}}', '{"reason": "x"}', "[" * 10_000])
def test_a_record_that_makes_no_sense_holds_nothing_and_is_replaced(lab, marker, text):
    path = lab.home / ".openclaw.gate-restore.json"
    path.write_text(text)
    assert gate_of(lab.open()).closed() is None
    gate_of(lab.open()).close(REASON, str(marker))
    assert gate_of(lab.open()).closed() == REASON


def test_a_link_in_the_way_of_the_record_is_not_followed(lab, marker):
    victim = lab.home / "victim"
    victim.write_text("precious")
    for name in (".openclaw.gate-restore.json", ".openclaw.gate-restore.json.new"):
        (lab.home / name).symlink_to(victim)
    gate_of(lab.open()).close(REASON, str(marker))
    assert victim.read_text() == "precious" and not os.path.islink(lab.home / ".openclaw.gate-restore.json")
