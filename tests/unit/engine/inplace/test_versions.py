# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The OpenClaw of the snapshot is installed with it where that is wanted, goes back with it, and one that cannot read it stops nothing."""
from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import Account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import installation, preflight, version_switch
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.installation import Installation
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import plan, version_step
from support.picture import differences

HERE = Installation("npm-global", "/usr/lib/node_modules/openclaw", "2026.9.6", "/usr/lib/node_modules", Account("root", 0, 0, "/root"), "/usr/bin/node")


@dataclass
class World:
    """What happened to the installed version. refuses: what the one that is asked says of the staged state."""

    log: list[str] = field(default_factory=list)
    asked: list = field(default_factory=list)
    refuses: str = ""


@dataclass(frozen=True)
class FakeSwitch:
    """In place of version_switch.Switch."""

    world: World
    new: str = "2026.8.2"
    directory: str = "/fetched/openclaw"

    def to_dict(self) -> dict:
        return {"new": self.new}

    def activate(self, _location, _options, _context) -> str:
        self.world.log.append("activate")
        return self.new

    def revert(self, _context) -> None:
        self.world.log.append("revert")

    def commit(self, _context) -> None:
        self.world.log.append("commit")


@pytest.fixture
def world(monkeypatch) -> World:
    made = World()

    def judge(files, directory, version, *_given):
        made.asked.append((files, directory, version))
        verdict = preflight.Verdict("state", preflight.REFUSED if made.refuses else preflight.FITS, made.refuses)
        return preflight.Judgement(version, (verdict,))
    monkeypatch.setattr(installation, "find", lambda *_given: HERE)
    monkeypatch.setattr(version_switch, "prepare", lambda _installed, version, _context: FakeSwitch(made, version))
    monkeypatch.setattr(version_switch, "from_dict", lambda values: FakeSwitch(made, values["new"]))
    monkeypatch.setattr(preflight, "judge", judge)
    return made


@pytest.fixture
def older(monkeypatch, host):
    """The snapshot was made by an older OpenClaw."""
    original = plan.compare
    monkeypatch.setattr(plan, "compare", lambda made, context: original(
        _of_version(made, "2026.8.2"), context))
    return host


def _of_version(made, version: str):
    made.header = replace(made.header, openclaw_version=version)
    return made


def test_the_installed_one_is_asked_about_what_is_staged(host, world):
    result = host.restore_in_place().to_dict()
    files, directory, version = world.asked[0]
    assert (directory, version) == (HERE.directory, "2026.9.6") and world.log == []
    assert ".openclaw-restore-" in files.config and ".openclaw-restore-" in files.state_database and set(files.agents) == {"main", "work"}
    assert result["judged"]["verdicts"][0]["verdict"] == "fits"


def test_one_that_cannot_read_it_stops_nothing(host, world):
    world.refuses = "its schema 23 is newer than 19"
    before, seen = host.picture(), []
    with pytest.raises(EngineError) as caught:
        host.restore_in_place(seen.append)
    assert caught.value.code == "openclaw-refuses-state" and "stopped" not in seen
    assert not differences(before, host.picture()) and host.leftovers() == ["home/.openclaw.restore"]


def test_another_version_is_refused_where_that_is_wanted(older, world):
    with pytest.raises(EngineError) as caught:
        older.plan_in_place(version="refuse")
    assert caught.value.code == "version-differs"
    assert older.plan_in_place().to_dict()["versions"]["installs"] is None


def test_the_snapshots_version_is_installed_with_it(older, world):
    seen = []
    result = older.restore_in_place(seen.append, version="install").to_dict()
    assert result["plan"]["versions"]["installs"] == "2026.8.2" and world.asked[0][1:] == ("/fetched/openclaw", "2026.8.2")
    assert world.log == ["activate", "commit"]
    assert seen.index("version-fetched") < seen.index("stopped") < seen.index("version-activated") < seen.index("gate-opened")


@pytest.mark.parametrize("step", ["version-fetched", "staged", "stopped", "all-swapped", "version-activated", "before-commit"])
def test_and_goes_back_with_it(older, world, step):
    before = older.picture()

    def fail(name: str) -> None:
        if name == step:
            raise OSError(5, "made up")
    with pytest.raises((EngineError, OSError)):
        older.restore_in_place(fail, version="install")
    assert world.log[-1] == "revert" and not differences(before, older.picture())
    assert version_step.go_back(None, older.context) is None
