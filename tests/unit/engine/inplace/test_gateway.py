# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gateway during a restore in place: it runs until all is ready, never on half a state, and in the end on the right one."""
from __future__ import annotations

import os

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.instance import discover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import fence
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.gate import why_closed
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import execute, journal
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions, InstanceOptions
from support.backup_host import INSTANCE
from support.fake_host import write
from support.gateway_lab import Lab
from support.picture import differences

from .conftest import Place

OPTIONS = GatewayOptions(stop_timeout=20, start_timeout=10)


@pytest.fixture
def lab(tmp_path):
    """A gateway with its unit, in the home that is backed up and restored."""
    made = Lab(tmp_path / "home")
    yield made
    made.gateway.stop()


@pytest.fixture
def host(lab, tmp_path) -> Place:
    """The home of the lab, backed up and changed."""
    lab.gateway.stop()
    made = Place.around(tmp_path, lab)
    made.back_up()
    made.change()
    lab.gateway.start()
    lab.manager.commands.clear()
    return made


def notes(host) -> bool:
    """Whether what came after the snapshot is there."""
    return (host.state.path / "workspace/new/notes.md").exists()


def test_it_is_stopped_late_and_started_on_the_new_state(lab, host):
    before, states = lab.gateway.pid, {}

    def look(name: str) -> None:
        states.setdefault(name, (lab.gateway.up, why_closed(str(host.state.path)) is not None, notes(host)))
    result = host.restore_in_place(look, gateway=OPTIONS).to_dict()
    assert states["staged"] == states["prepared"] == (True, False, True), "everything that can fail is done while it runs"
    assert states["gate-closed"] == (True, True, True)
    assert states["stopped"] == (False, True, True) and states["all-swapped"] == (False, True, False)
    assert states["gate-opened"] == (False, False, False)
    assert lab.gateway.up and lab.gateway.pid != before
    assert result["health"]["state"] == "healthy" and result["downtime_s"] >= result["stop_s"] + result["start_s"] > 0
    assert result["plan"]["gateway"] == "running" and why_closed(str(host.state.path)) is None


def test_one_that_was_stopped_and_is_not_enabled_stays_stopped(lab, host):
    lab.gateway.stop()
    result = host.restore_in_place(gateway=OPTIONS, start="never").to_dict()
    assert not lab.gateway.up and result["health"] is None and result["downtime_s"] == 0
    assert not lab.manager.ran("start")
    assert not notes(host)


def test_one_that_does_not_start_is_taken_back(lab, host):
    before = host.picture()
    lab.manager.journal = "line one\nError: something with this state\n"

    def spoil(name: str) -> None:
        lab.manager.start_fails = name == "before-start" or lab.manager.start_fails and name != "before-old-start"
    with pytest.raises(EngineError) as caught:
        host.restore_in_place(spoil, gateway=OPTIONS)
    assert (caught.value.code, caught.value.details["cause"]) == ("restore-undone", "gateway-start-failed")
    assert caught.value.details["log"][-1] == "Error: something with this state"
    log = host.home / ".openclaw.restore" / caught.value.details["log_file"].rpartition("/")[2]
    assert log.read_text().startswith("line one") and log.stat().st_mode & 0o77 == 0
    assert lab.gateway.up and notes(host)
    assert not [word for word in differences(before, host.picture()) if "/tmp" not in word]


def taken_back_and_not_started(lab, host) -> None:
    """The old state is back; neither gateway starts, as on a disk that is full."""
    def spoil(name: str) -> None:
        lab.manager.start_fails = lab.manager.start_fails or name == "before-start"
    with pytest.raises(EngineError) as caught:
        host.restore_in_place(spoil, gateway=OPTIONS)
    assert caught.value.code == "gateway-start-failed" and "old state is back" in caught.value.message
    assert notes(host) and not lab.gateway.up and why_closed(str(host.state.path)) is None


def test_an_old_one_that_failed_is_started_by_a_recovery(lab, host):
    taken_back_and_not_started(lab, host)
    with pytest.raises(EngineError) as caught:
        host.recover()
    assert caught.value.code == "gateway-start-failed"
    lab.manager.start_fails = False
    assert host.recover()["started"] and lab.gateway.up
    assert not host.recover()["changed"] and host.leftovers() == ["home/.openclaw.restore"]


def test_an_old_one_that_failed_is_not_in_the_way_of_the_next_restore(lab, host):
    taken_back_and_not_started(lab, host)
    lab.manager.start_fails = False
    host.restore_in_place(gateway=OPTIONS)
    assert lab.gateway.up and not notes(host) and not host.recover()["changed"]


@pytest.mark.parametrize("failing", ["agent-database:main", "state-database"])
def test_one_that_starts_sick_is_taken_back(lab, host, failing):
    """And with it what it has written meanwhile, where a file was swapped and where there was nothing."""
    before = host.picture()

    def spoil(name: str) -> None:
        if name == "before-start":
            lab.gateway.failing = [failing]
            write(host.state.path / "update-check.json", "{}")
            write(host.state.path / "openclaw.json.new", (host.state.path / "openclaw.json").read_text())
            (host.state.path / "openclaw.json.new").rename(host.state.path / "openclaw.json")
        elif name == "before-old-start":
            lab.gateway.failing = []
    with pytest.raises(EngineError) as caught:
        host.restore_in_place(spoil, gateway=OPTIONS)
    assert caught.value.code == "restore-undone" and failing in caught.value.message
    assert lab.gateway.up and notes(host)
    assert not [word for word in differences(before, host.picture()) if "/tmp" not in word]
    assert host.leftovers() == ["home/.openclaw.restore"]


def test_a_channel_that_wants_pairing_is_reported(lab, host):
    lab.gateway.failing = ["whatsapp:default"]
    result = host.restore_in_place(gateway=OPTIONS).to_dict()
    assert result["channels_failing"] == ["whatsapp:default"] and not notes(host)


def test_one_that_does_not_stop_is_left_running(lab, host):
    lab.manager.patience = None
    before = host.picture()
    with pytest.raises(EngineError) as caught:
        host.restore_in_place(gateway=OPTIONS)
    assert caught.value.code == "gateway-stop-timeout"
    assert lab.gateway.up and notes(host) and why_closed(str(host.state.path)) is None
    assert not [word for word in differences(before, host.picture()) if "/tmp" not in word]


def test_one_that_nothing_here_controls_must_not_run(lab, host):
    lab.manager.unit = "another.service"
    (host.home / ".config/systemd/user/openclaw-gateway.service").unlink()
    with pytest.raises(EngineError) as caught:
        host.restore_in_place(gateway=OPTIONS)
    assert caught.value.code == "gateway-not-controllable" and notes(host)
    lab.gateway.stop()
    host.restore_in_place(gateway=OPTIONS)
    assert not notes(host)


def test_after_a_kill_it_is_kept_down_until_a_recovery(lab, host, monkeypatch):
    class Killed(BaseException):
        """The process ends."""

    def die(name: str) -> None:
        if name == "all-swapped":
            raise Killed
    monkeypatch.setattr(execute, "undo", lambda *_given: None)  # and so cleans nothing up
    with pytest.raises(Killed):
        host.restore_in_place(die, gateway=OPTIONS)
    assert not notes(host) and not lab.gateway.up and "recover" in why_closed(str(host.state.path))
    assert host.recover()["swaps_back"]
    assert notes(host) and lab.gateway.up and why_closed(str(host.state.path)) is None


def test_the_identity_of_the_instance_is_found_again(host):
    host.restore_in_place(gateway=OPTIONS)
    found = discover(InstanceOptions(instance=INSTANCE), host.context)
    assert found.state_dir == str(host.state.path) and {"main", "work"} <= set(found.agents)
    write(host.state.path / "workspace/SOUL.md", "x")


@pytest.mark.parametrize("number", range(5))
def test_a_disk_that_is_full_from_some_moment_on_leaves_the_old_state_with_its_gateway(lab, host, monkeypatch, number):
    """Not even the journal can be written any more: not for the restore, not for its undoing."""
    before, written = host.picture(), []
    original = journal.write_json

    def write_json(path: str, value: dict) -> None:
        written.append(path)
        if len(written) > number:
            raise EngineError("restore-place-not-writable", "No space left on device", "Make room.")
        original(path, value)
    monkeypatch.setattr(journal, "write_json", write_json)
    with pytest.raises(EngineError):
        host.restore_in_place(gateway=OPTIONS)
    monkeypatch.undo()
    assert not [word for word in differences(before, host.picture()) if "/tmp" not in word]
    assert lab.gateway.up and notes(host) and why_closed(str(host.state.path)) is None
    assert not host.recover()["changed"] or number == 0



def test_a_drop_in_that_came_later_goes_with_the_unit_that_is_restored(lab, host):
    drop_ins = host.home / ".config/systemd/user/openclaw-gateway.service.d"
    write(drop_ins / "50-then.conf", "[Service]\nEnvironment=WHEN=then\n", 0o644)
    host.back_up()
    write(drop_ins / "50-then.conf", "[Service]\nEnvironment=WHEN=now\n", 0o644)
    later = write(drop_ins / "60-later.conf", "[Service]\nMemoryMax=1\n", 0o644)
    host.restore_in_place(gateway=OPTIONS)
    assert later.exists(), "only when asked for"
    host.change()

    def fail(name: str) -> None:
        if name == "before-commit":
            raise OSError(5, "made up")
    with pytest.raises(EngineError):
        host.restore_in_place(fail, gateway=OPTIONS, service_files=True)
    assert later.exists() and "now" in (drop_ins / "50-then.conf").read_text()
    result = host.restore_in_place(gateway=OPTIONS, service_files=True)
    assert str(later) in result.plan["paths"]["deleted"] and not later.exists()
    assert "then" in (drop_ins / "50-then.conf").read_text() and os.listdir(drop_ins) == ["50-then.conf"]
    assert not host.plan_in_place(gateway=OPTIONS, service_files=True, snapshot=result.plan["snapshot"]).changed


@pytest.fixture
def fenced(lab, host):
    """The same host with a gateway that is fenced."""
    fence.fence(lab.open(), 1_800_000_000.0, reason="its agent moved", moved_to="vps-08")
    return host


def test_a_fence_goes_with_what_was_behind_it(lab, fenced):
    """Not a moment before the restored state is there could the gateway start, whatever ends the restore."""
    states = {}

    def look(name: str) -> None:
        states[name] = (fence.find(str(fenced.state.path)) is not None, notes(fenced), lab.gateway.up)
    result = fenced.restore_in_place(look, gateway=OPTIONS, unfence=True).to_dict()
    assert states["stopped"] == (True, True, False) and states["all-swapped"] == states["gate-opened"] == (True, False, False)
    assert states["unfenced"] == (False, False, False) and result["plan"]["unfences"]
    assert lab.gateway.up and lab.manager.unit_file_state == "enabled" and why_closed(str(fenced.state.path)) is None


@pytest.mark.parametrize("step", ["stopped", "all-swapped", "gate-opened", "unfenced", "before-start", "before-commit"])
def test_a_fence_stands_again_where_its_restore_is_taken_back(lab, fenced, step):
    before = fence.find(str(fenced.state.path))

    def fail(name: str) -> None:
        if name == step:
            raise OSError(5, "made up")
    with pytest.raises((EngineError, OSError)):
        fenced.restore_in_place(fail, gateway=OPTIONS, unfence=True)
    assert fence.stands(lab.open()) and fence.find(str(fenced.state.path)) == before
    assert notes(fenced) and not lab.gateway.up and fenced.leftovers() == ["home/.openclaw.restore"]


def test_a_fence_stays_unless_it_is_to_go(lab, fenced):
    fenced.restore_in_place(gateway=OPTIONS)
    assert fence.stands(lab.open()) and not lab.gateway.up and not notes(fenced)
    assert not fenced.plan_in_place(gateway=OPTIONS).changed and fenced.plan_in_place(gateway=OPTIONS, unfence=True).changed
