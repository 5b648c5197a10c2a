# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One of OpenClaw's installers puts OpenClaw and Node into the state directory: a restore does not take away what runs the agent."""
from __future__ import annotations

import shutil

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.versions import read_package
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions
from support import made_up_openclaw
from support.fake_host import write
from support.gateway_lab import Lab
from support.picture import differences, picture

from .conftest import Place

OLD, NEW = "2026.9.5", "2026.9.6"
OPTIONS = GatewayOptions(stop_timeout=20, start_timeout=10)


class Inside:
    """An instance whose program is NEW and lies in its state directory; the snapshot was made with OLD, or before there was any there."""

    def __init__(self, directory, lab: Lab, with_program: bool) -> None:
        self.lab, self.state = lab, lab.state.path
        self.package = self.state / "lib/node_modules/openclaw"
        lab.gateway.stop()
        self.place = Place.around(directory, lab)
        self.place.context.run = self._run
        if with_program:
            self._install(OLD)
        self.place.back_up()
        shutil.rmtree(self.state / "lib", ignore_errors=True)
        self._install(NEW)
        self.place.change()
        lab.gateway.start()

    def _install(self, version: str) -> None:
        script = made_up_openclaw.install(self.package, version)
        write(self.state / "bin/openclaw", f"#!/bin/sh\n# {version}\n", 0o755)
        write(self.state / "tools/node-v24/bin/node", "#!/bin/sh\necho v24.16.1\n", 0o755)
        made_up_openclaw.fake_npm(self.state / "tools/node-v24/bin/npm")
        if not (self.state / "tools/node").is_symlink():
            (self.state / "tools/node").symlink_to("node-v24")
        self.lab.user_unit("openclaw-gateway.service", f"ExecStart={self.state}/tools/node/bin/node {script} gateway")

    def _run(self, argv, timeout=60.0):
        made_up = ("systemctl", "systemd-run", "docker", "podman", "journalctl")
        return self.lab.manager(argv, timeout) if any(word in made_up for word in argv[:3]) else made_up_openclaw.run(argv, timeout)

    def program(self) -> dict:
        return picture(self.state / "lib/node_modules", self.state / "bin/openclaw", self.state / "tools")

    @property
    def notes(self) -> bool:
        """Whether what came after the snapshot is there."""
        return (self.state / "workspace/new/notes.md").exists()


@pytest.fixture(params=[True, False], ids=["also in the snapshot", "not in the snapshot"])
def machine(tmp_path, request):
    lab = Lab(tmp_path / "home")
    yield Inside(tmp_path, lab, request.param)
    lab.gateway.stop()


def test_it_stays_while_everything_else_is_restored(machine):
    program = machine.program()
    result = machine.place.restore_in_place(gateway=OPTIONS)
    assert result.health["state"] == "healthy" and not machine.notes
    assert not differences(program, machine.program()) and read_package(str(machine.package)).version == NEW
    assert result.plan["left_alone"]["installed-program"] >= 2
    assert not machine.place.plan_in_place(gateway=OPTIONS).changed, "what stays is no difference"


def test_a_restore_that_fails_leaves_it_too(machine):
    before = machine.place.picture()

    def fail(name: str) -> None:
        if name == "all-swapped":
            raise OSError(5, "made up")
    with pytest.raises(EngineError) as caught:
        machine.place.restore_in_place(fail, gateway=OPTIONS)
    assert caught.value.code == "restore-undone" and machine.lab.gateway.up
    assert not [word for word in differences(before, machine.place.picture()) if "/tmp" not in word]


@pytest.mark.parametrize("machine", [True], indirect=True, ids=["also in the snapshot"])
def test_the_snapshots_version_takes_its_place_where_that_is_wanted(machine):
    machine.place.restore_in_place(gateway=OPTIONS, version="install")
    assert read_package(str(machine.package)).version == OLD and not machine.notes and machine.lab.gateway.up
    assert not list(machine.package.parent.glob(".openclaw-other-*"))
