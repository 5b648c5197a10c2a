# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup holds the gateway still as it was told to, says what came of it, and leaves the gateway as it was."""
from __future__ import annotations

import sqlite3

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup, backup_pins, hold
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions
from support.backup_host import BackupHost
from support.fake_host import database

DATABASE = "agents/main/agent/openclaw-agent.sqlite"


@pytest.fixture
def host(lab, tmp_path):
    """The lab's home, backed up into a directory; a database in it that nobody has open."""
    made = BackupHost(tmp_path, home=lab.home)
    made.context.run, made.context.clock = lab.manager, lab.context.clock
    path = database(lab.state.path / DATABASE, "PRAGMA journal_mode=WAL", "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)")
    lab.write_row = lambda value: _write(path, value)
    return made


def _write(path, value) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("INSERT INTO t VALUES (?)", (value,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def rows(host) -> list:
    """What the newest snapshot has in the database."""
    connection = sqlite3.connect(host.restored(host.state.path / DATABASE))
    found = [row[0] for row in connection.execute("SELECT x FROM t ORDER BY x")]
    connection.close()
    return found


def options(**given) -> GatewayOptions:
    return GatewayOptions(**{"drain_timeout": 5, "stop_timeout": 20, "start_timeout": 10, **given})


def at_pins(monkeypatch, action) -> None:
    """Do something in the moment in which the databases are pinned."""
    original = backup_pins.Pins._pin

    def pin(self, waiting):
        original(self, waiting)
        action()
    monkeypatch.setattr(backup_pins.Pins, "_pin", pin)


def test_live_asks_the_gateway_nothing(lab, host):
    result = host.back_up()
    assert (result["consistency"], result["downtime_s"], result["consistency_reason"]) == ("live", 0, None)
    assert not lab.manager.commands and not lab.gateway.calls


def test_a_suspended_gateway_stays_up_and_the_databases_are_of_that_moment(lab, host, monkeypatch):
    process, seen = lab.gateway.pid, []
    at_pins(monkeypatch, lambda: seen.append(lab.gateway.suspension))
    original = hold.Hold.__exit__

    def leave(self, *exc):
        original(self, *exc)
        lab.write_row(2)  # the gateway works on, before anything is read
    monkeypatch.setattr(hold.Hold, "__exit__", leave)
    result = host.back_up(consistency="suspend", gateway=options())
    assert (result["consistency"], result["consistency_reason"]) == ("suspend", None)
    assert seen[0] and lab.gateway.suspension is None and lab.gateway.pid == process
    assert result["downtime_s"] > 0 and not lab.manager.ran("stop")
    assert host.manifest_meta()["moment_exact"] and host.manifest_meta()["consistency"] == "suspend"
    assert rows(host) == [1]


def test_what_was_written_while_work_came_to_its_end_is_in_the_snapshot(lab, host):
    host.back_up()
    lab.state.config('{"gateway": {"port": %d, "auth": {"token": "fake-gateway-secret"}}, "x": 1}' % lab.gateway.port)
    (lab.state.path / "workspace").mkdir()
    original = lab.gateway.answer

    def answer(method, parameters):
        if method.endswith("prepare"):  # after the plan, before the gateway is still
            (lab.state.path / "workspace" / "MEMORY.md").write_text("the blue door")
            lab.write_row(2)
        return original(method, parameters)
    lab.gateway.answer = answer
    host.back_up(consistency="suspend", gateway=options())
    assert (host.restored(lab.state.path / "workspace" / "MEMORY.md")).read_text() == "the blue door"
    assert rows(host) == [1, 2]


@pytest.mark.parametrize("make_unfit, words", [
    (lambda lab: setattr(lab.gateway, "work", None), "still at work after 5 s"),
    (lambda lab: setattr(lab.gateway, "unknown_methods", True), "does not know how to hold still"),
    (lambda lab: setattr(lab.gateway, "secret", "another"), "refused connect"),
])
class TestAGatewayThatCannotBeSuspended:
    """It is busy, too old, or refuses."""

    def test_is_backed_up_live(self, lab, host, make_unfit, words):
        make_unfit(lab)
        result = host.back_up(consistency="suspend", gateway=options())
        assert result["consistency"] == "live" and words in result["consistency_reason"]
        assert lab.gateway.suspension is None and not lab.manager.ran("stop")

    def test_or_stopped(self, lab, host, make_unfit, words):
        make_unfit(lab)
        result = host.back_up(consistency="suspend", on_busy="stop", gateway=options())
        assert result["consistency"] == "stop" and words in result["consistency_reason"]
        assert lab.gateway.up and not lab.manager.timers

    def test_or_not_backed_up(self, lab, host, make_unfit, words):
        make_unfit(lab)
        with pytest.raises(EngineError, match=words):
            host.back_up(consistency="suspend", on_busy="fail", gateway=options())
        assert lab.gateway.suspension is None and lab.gateway.up


def test_a_lease_that_ended_before_the_pins_is_not_called_a_suspension(lab, host):
    lab.gateway.lease_ends = True
    result = host.back_up(consistency="suspend", gateway=options())
    assert result["consistency"] == "live" and "took new work before" in result["consistency_reason"]


def test_an_error_while_suspended_lets_the_gateway_go_on(lab, host, monkeypatch):
    def fail():
        raise MemoryError
    at_pins(monkeypatch, fail)
    with pytest.raises(MemoryError):
        host.back_up(consistency="suspend", gateway=options())
    assert lab.gateway.suspension is None


def test_a_stop_is_armed_against_our_death_first_and_over_before_anything_is_read(lab, host, monkeypatch):
    stopped, timers, read = [], [], []
    at_pins(monkeypatch, lambda: (stopped.append(not lab.gateway.up), timers.extend(lab.manager.timers.values())))
    monkeypatch.setattr(backup_pins.Pins, "start_checks", lambda self: read.append(lab.gateway.up))
    result = host.back_up(consistency="stop", gateway=options(dead_man_timeout=30))
    assert stopped == [True] and read == [True]
    assert [words[-3:] for words in timers] == [["start", "--no-block", "openclaw-gateway.service"]]
    assert lab.manager.place("systemd-run") < lab.manager.place("systemctl", "stop", "openclaw-gateway.service")
    first, second = [word for command in lab.manager.commands for word in command if word.startswith("--on-active=")]
    assert (first, second) == ("--on-active=50.000s", "--on-active=30.000s"), "a stop may take its time; what follows is short"
    assert not lab.manager.timers and lab.gateway.up
    assert result["consistency"] == "stop" and result["consistency_reason"] is None
    assert result["downtime_s"] >= result["stop_s"] + result["start_s"] > 0


def test_databases_stay_pinned_over_the_start_of_the_gateway(lab, host, monkeypatch):
    original = lab.gateway.start

    def start():
        original()
        lab.write_row(2)
    monkeypatch.setattr(lab.gateway, "start", start)
    host.back_up(consistency="stop", gateway=options())
    assert rows(host) == [1] and host.manifest_meta()["moment_exact"]


def test_the_dead_man_starts_the_gateway_if_this_process_dies(lab, host, monkeypatch):
    class Killed(BaseException):
        """Nothing runs after it, as after SIGKILL."""
    monkeypatch.setattr(hold.Hold, "__exit__", lambda self, *exc: None)

    def die():
        raise Killed
    at_pins(monkeypatch, die)
    with pytest.raises(Killed):
        host.back_up(consistency="stop", gateway=options())
    assert not lab.gateway.up and lab.manager.timers
    lab.manager.fire_timers()
    assert lab.gateway.up


def test_without_a_dead_man_nothing_is_stopped_unless_that_is_asked_for(lab, host):
    lab.manager.no_timers = True
    with pytest.raises(EngineError) as caught:
        host.back_up(consistency="stop", gateway=options())
    assert caught.value.code == "dead-man-not-armed" and lab.gateway.up and not lab.manager.ran("stop", "openclaw-gateway.service")
    assert host.back_up(consistency="stop", gateway=options(dead_man_timeout=0))["consistency"] == "stop"


def test_what_could_not_be_started_again_is_not_stopped(lab, host):
    lab.manager.load = "masked"
    with pytest.raises(EngineError) as caught:
        host.back_up(consistency="stop", gateway=options())
    assert caught.value.code == "gateway-not-startable" and lab.gateway.up and not lab.manager.ran("stop")


@pytest.mark.parametrize("failure", [MemoryError, KeyboardInterrupt, OSError])
def test_after_any_error_the_gateway_is_started_again(lab, host, monkeypatch, failure):
    def fail():
        raise failure
    at_pins(monkeypatch, fail)
    with pytest.raises(failure):
        host.back_up(consistency="stop", gateway=options())
    assert lab.gateway.up and not lab.manager.timers


@pytest.mark.parametrize("broken", ["systemd-run", "show"])
def test_after_any_command_that_fails_during_the_stop_the_gateway_is_started_again(lab, host, broken):
    def fail_once_stopped(words):
        if broken in words and not lab.gateway.up:
            lab.manager.on_command = lambda words: None
            raise OSError("no more processes")
    lab.manager.on_command = fail_once_stopped
    with pytest.raises(OSError):
        host.back_up(consistency="stop", gateway=options())
    assert lab.gateway.up and not lab.manager.timers


def test_a_stop_that_takes_too_long_is_undone(lab, host):
    lab.manager.patience = None
    result = host.back_up(consistency="stop", gateway=options())
    assert result["consistency"] == "live" and "not fully stopped after 20 s" in result["consistency_reason"]
    assert lab.gateway.up and not lab.manager.timers
    lab.write_row(2)
    lab.manager.patience = None
    with pytest.raises(EngineError) as caught:
        host.back_up(consistency="stop", on_busy="fail", gateway=options())
    assert caught.value.code == "gateway-stop-timeout" and lab.gateway.up


def test_a_gateway_that_does_not_come_up_again_fails_the_run_after_the_snapshot_was_made(lab, host):
    """A gateway that does not start is when a backup is needed most."""
    lab.manager.start_fails = True
    with pytest.raises(EngineError) as caught:
        host.back_up(consistency="stop", gateway=options())
    assert caught.value.code == "gateway-start-failed"
    assert caught.value.details["result"]["snapshot"]["id"] == host.repository().snapshots()[-1].id
    assert [command[-1] for command in lab.manager.commands if "start" in command].count("openclaw-gateway.service") >= 2


def test_a_gateway_that_was_stopped_stays_so(lab, host):
    lab.gateway.stop()
    for level in ("suspend", "stop"):
        result = host.back_up(consistency=level, force=True, gateway=options())
        assert (result["consistency"], result["consistency_reason"]) == ("stop", "the gateway was not running")
        assert result["downtime_s"] == 0
    assert not lab.gateway.up and not lab.manager.ran("start") and not lab.manager.timers


def test_a_gateway_that_somebody_starts_meanwhile_is_noticed(lab, host, monkeypatch):
    lab.gateway.stop()
    at_pins(monkeypatch, lab.gateway.start)
    result = host.back_up(consistency="stop", gateway=options())
    assert result["consistency"] == "live" and "something else started the gateway" in result["consistency_reason"]


def test_a_run_that_has_nothing_to_store_leaves_the_gateway_alone(lab, host):
    lab.gateway.stop()
    host.back_up(consistency="stop", gateway=options())
    lab.gateway.start()
    lab.manager.commands.clear()
    result = host.back_up(consistency="stop", gateway=options())
    assert not result["changed"] and not lab.manager.commands


@pytest.mark.parametrize("wrong", [{"consistency": "frozen"}, {"on_busy": "wait"}])
def test_levels_that_do_not_exist_are_refused(lab, host, wrong):
    with pytest.raises(EngineError) as caught:
        host.back_up(**wrong)
    assert caught.value.code == "option-invalid"


def test_check_mode_asks_the_gateway_nothing(lab, host):
    host.back_up()
    lab.write_row(2)
    backup.plan(host.repository, host.choose(consistency="stop").source, backup.BackupOptions(consistency="stop"), host.context)
    assert not lab.manager.commands and not lab.gateway.calls


def test_small_databases_are_let_go_before_the_start(lab, host, monkeypatch):
    """A gateway empties its WALs when it starts; a pin would keep it waiting, and it would complain."""
    found = []
    original = lab.gateway.start

    def start():
        connection = sqlite3.connect(lab.state.path / DATABASE, isolation_level=None, timeout=0)
        connection.execute("INSERT INTO t VALUES (2)")
        found.append(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        connection.close()
        original()
    monkeypatch.setattr(lab.gateway, "start", start)
    result = host.back_up(consistency="stop", gateway=options())
    assert found == [0] and rows(host) == [1]
    assert result["damaged_databases"] == [] and host.manifest_meta()["moment_exact"]


def test_large_databases_stay_pinned_over_the_start(lab, host, monkeypatch):
    monkeypatch.setattr(backup_pins, "TAKEN_AT_MOST", 0)
    original = lab.gateway.start

    def start():
        lab.write_row(2)
        original()
    monkeypatch.setattr(lab.gateway, "start", start)
    host.back_up(consistency="stop", gateway=options())
    assert rows(host) == [1] and host.manifest_meta()["moment_exact"]


def test_a_damaged_database_is_told_whichever_way_it_is_read(lab, host):
    path = lab.state.path / "state" / "openclaw.sqlite"
    database(path, "PRAGMA journal_mode=WAL", "CREATE TABLE t (x)", *["INSERT INTO t VALUES (zeroblob(3000))"] * 30)
    content = bytearray(path.read_bytes())
    content[3 * 4096:5 * 4096] = b"\xff" * 8192
    path.write_bytes(content)
    result = host.back_up(consistency="stop", gateway=options())
    assert [item["path"] for item in result["damaged_databases"]] == [str(path)] and lab.gateway.up


def test_a_suspension_needs_no_service_manager(lab, host):
    """In a sandbox, or for another user, it may be out of reach."""
    def refuse(words):
        raise EngineError("gateway-not-controllable", "no bus", "")
    lab.manager.on_command = refuse
    assert host.back_up(consistency="suspend", on_busy="fail", gateway=options())["consistency"] == "suspend"
    with pytest.raises(EngineError) as caught:
        host.back_up(consistency="stop", force=True, gateway=options())
    assert caught.value.code == "gateway-not-controllable" and lab.gateway.up
