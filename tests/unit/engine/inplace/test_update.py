# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An update ends with the new OpenClaw healthy, or with the old one on the state from before, wherever it fails or is cut short."""
from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import update
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.versions import read_package
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import fence
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import BackupOptions, GatewayOptions
from support import made_up_openclaw
from support.fake_host import unit, write
from support.gateway_lab import Lab
from support.picture import differences, picture

from .conftest import Place

OLD, NEW, SICK, DEAD = "2026.9.6", "2026.9.7", "2026.9.8-sick", "2026.9.9-dead"
OPTIONS = BackupOptions(kind="pre-update", gateway=GatewayOptions(stop_timeout=20, start_timeout=10))
CHECKPOINTS = ("update-stopped", "update-activated", "update-started")


class Machine:
    """A home with a unit, an installed OpenClaw, an npm, and a gateway that is as good as the version that is installed."""

    def __init__(self, directory, lab: Lab) -> None:
        self.lab, self.package = lab, lab.home / "npm/lib/node_modules/openclaw"
        lab.gateway.stop()
        script = made_up_openclaw.install(self.package, OLD)
        node = write(lab.home / "node/bin/node", "#!/bin/sh\necho v24.16.1\n", 0o755)
        made_up_openclaw.fake_npm(lab.home / "node/bin/npm")
        lab.user_unit("openclaw-gateway.service", f"ExecStart={node} {script} gateway")
        self.place = Place.around(directory, lab)
        self.place.context.run = self.run
        self.place.back_up()
        self.place.change()
        lab.manager.on_command = self.before
        lab.gateway.start()
        self.picture = self.content()

    def run(self, argv, timeout=60.0):
        """Service managers are made up, everything else is real."""
        made_up = ("systemctl", "systemd-run", "docker", "podman", "journalctl")
        return self.lab.manager(argv, timeout) if any(word in made_up for word in argv[:3]) else made_up_openclaw.run(argv, timeout)

    def content(self) -> dict:
        """What no snapshot leaves out; the gateway is down or not, its locks and logs are not meant."""
        state = self.place.state.path
        return picture(state / "workspace", state / "credentials", state / "openclaw.json", self.place.outside)

    @property
    def version(self) -> str:
        return read_package(str(self.package)).version

    def before(self, words) -> None:
        """What the gateway is when it is started, and what the new one does to the state."""
        if "start" in words:
            self.lab.gateway.version = self.version
            self.lab.gateway.failing = ["agent-database:main"] if "sick" in self.version else []
            self.lab.manager.start_fails = "dead" in self.version
            if self.version != OLD:
                write(self.place.state.path / "workspace/migrated.md", self.version)

    def plan(self, to: str) -> update.UpdatePlan:
        return update.plan(self.place.repository(), to, OPTIONS, self.place.where(), self.place.context)

    def update(self, to: str, checkpoint=None) -> update.UpdateResult:
        made = self.plan(to)
        return update.execute(made, replace(self.place.context, checkpoint=checkpoint) if checkpoint else self.place.context)

    def undo(self) -> bool:
        return update.undo(self.place.repository(), OPTIONS, self.place.where(), self.place.context)

    def require_as_before(self) -> None:
        """The old one runs, well, on what was there."""
        assert self.version == OLD and self.lab.gateway.up and self.lab.gateway.version == OLD and not self.lab.gateway.failing
        assert not differences(self.picture, self.content())
        assert not update.unfinished(str(self.place.state.path)) and not list(self.package.parent.glob(".openclaw-other-*"))


@pytest.fixture
def machine(tmp_path):
    lab = Lab(tmp_path / "home")
    yield Machine(tmp_path, lab)
    lab.gateway.stop()


def test_the_new_one_runs_and_nothing_is_left_of_the_old_one(machine):
    process = machine.lab.gateway.pid
    result = machine.update(NEW).to_dict()
    assert (result["changed"], result["from"], result["to"], machine.version) == (True, OLD, NEW, NEW)
    assert result["health"]["state"] == "healthy" and result["downtime_s"] > 0 and machine.lab.gateway.pid != process
    newest = machine.place.repository().snapshots()[-1]
    assert newest.id == result["snapshot"] and machine.place.repository().load(newest)[0].kind == "pre-update"
    assert not machine.place.leftovers() and not list(machine.package.parent.glob(".openclaw-other-*"))
    assert machine.update(NEW).to_dict()["changed"] is False


def test_what_is_written_between_the_snapshot_and_the_stop_is_not_lost(machine):
    def late(words) -> None:
        if "stop" in words:
            write(machine.place.state.path / "workspace/late.md", "the last word")
        machine.before(words)
    machine.lab.manager.on_command = late
    with pytest.raises(EngineError):
        machine.update(SICK)
    assert (machine.place.state.path / "workspace/late.md").read_text() == "the last word"


@pytest.mark.parametrize("broken", [SICK, DEAD])
def test_one_that_is_broken_is_taken_back_with_its_state(machine, broken):
    with pytest.raises(EngineError) as caught:
        machine.update(broken)
    assert caught.value.code == "update-undone" and caught.value.details["cause"] == "gateway-start-failed", caught.value
    machine.require_as_before()


def test_one_that_says_another_version_is_taken_back(machine):
    machine.lab.manager.on_command = lambda words: None  # the gateway says what it always said
    with pytest.raises(EngineError, match="says that it is") as caught:
        machine.update(NEW)
    assert caught.value.details["cause"] == "openclaw-version-wrong"
    machine.require_as_before()


@pytest.mark.parametrize("spec", ["9.9.9", "8.0.0"])
def test_what_cannot_be_installed_stops_nothing(machine, spec):
    process = machine.lab.gateway.pid
    with pytest.raises(EngineError):
        machine.update(spec)
    assert machine.lab.gateway.pid == process
    machine.require_as_before()


@pytest.mark.parametrize("place", CHECKPOINTS)
def test_an_interruption_is_taken_back(machine, place):
    with pytest.raises(KeyboardInterrupt):
        machine.update(NEW, interrupt_at(place, KeyboardInterrupt))
    machine.require_as_before()


@pytest.mark.parametrize("place", CHECKPOINTS)
def test_a_kill_is_taken_back_by_whoever_comes_next(machine, monkeypatch, place):
    """A killed process does nothing more: what it would do on its way out is left out."""
    class Killed(BaseException):
        """The end."""

    with monkeypatch.context() as patch:
        patch.setattr(update, "_take_back", lambda *_words: None)
        with pytest.raises(Killed):
            machine.update(NEW, interrupt_at(place, Killed))
    with pytest.raises(EngineError) as caught:
        machine.plan(NEW)
    assert caught.value.code == "update-unfinished"
    assert machine.undo() and not machine.undo()
    machine.require_as_before()


def interrupt_at(place: str, error):
    def checkpoint(name: str) -> None:
        if name == place:
            raise error
    return checkpoint


def test_a_gateway_that_did_not_run_is_not_started(machine):
    machine.lab.gateway.stop()
    assert machine.update(NEW).to_dict()["health"] is None
    assert machine.version == NEW and not machine.lab.gateway.up


def test_a_fenced_one_is_left_alone(machine):
    fence.fence(machine.plan(NEW).gateway, 0.0, moved_to="vps-08")
    with pytest.raises(EngineError, match="vps-08") as caught:
        machine.plan(NEW)
    assert caught.value.code == "gateway-gate-closed"


@pytest.mark.parametrize("mode, text", [(0o666, None), (0o600, "{}"), (0o600, '{"switch": {"installation": {}}}'), (0o600, "x")])
def test_a_record_that_somebody_else_may_have_written_moves_nothing(machine, mode, text):
    path = write(machine.place.home / ".openclaw.restore/update.json", text or json.dumps({}), mode)
    path.parent.chmod(0o755)
    with pytest.raises(EngineError) as caught:
        machine.undo()
    assert caught.value.code == "restore-journal-unusable" and machine.lab.gateway.up
