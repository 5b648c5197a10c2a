# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What OpenClaw says of a prefetched snapshot is not asked again by the restore, unless the files or the OpenClaw are of another shape."""
from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import prefetch
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import Account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.locate import locate
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import installation, preflight
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.installation import Installation
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import foreseen
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions
from support.fake_host import database, write

HERE = Installation(
    "npm-global", "/usr/lib/node_modules/openclaw", "2026.9.6", "/usr/lib/node_modules", Account("root", 0, 0, "/root"), "/usr/bin/node")
AGENT = "agents/main/agent/openclaw-agent.sqlite"


class Asked:
    """An OpenClaw that is asked. files: what about, each time. verdict: what it says."""

    def __init__(self) -> None:
        self.files, self.verdict, self.installed = [], preflight.FITS, HERE

    def judge(self, files, directory, version, *_given):
        assert os.path.isfile(files.state_database) and directory == self.installed.directory
        self.files.append(files)
        return preflight.Judgement(version, (preflight.Verdict("state", self.verdict, ""),))


@pytest.fixture
def asked(monkeypatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(installation, "find", lambda *_given: made.installed)
    monkeypatch.setattr(preflight, "judge", made.judge)
    return made


def foresee(host) -> preflight.Judgement | None:
    """Bring the newest snapshot and ask about it."""
    repository = host.repository()
    made = prefetch.prefetch(repository, str(host.state.path), host.context)[1]
    location = locate(host.where().instance, host.context)
    return foreseen.ask(made.manifest.meta, location, GatewayOptions(), host.context)


def restored(host, **options) -> dict:
    host.change()  # what is live is other than what comes
    return host.restore_in_place(**options).to_dict()["judged"]


def test_it_is_asked_once(host, asked):
    assert foresee(host).verdicts[0].verdict == preflight.FITS
    assert ".openclaw.prefetched/" in asked.files[0].config and set(asked.files[0].agents) == {"main", "work"}
    place = prefetch.directory_of(str(host.state.path))
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
    assert restored(host)["verdicts"][0]["verdict"] == "fits" and len(asked.files) == 1


def test_other_rows_are_the_same_shape(host, asked):
    foresee(host)
    database(host.state.path / AGENT, "INSERT INTO session_nodes VALUES ('newer')")
    host.back_up()
    restored(host, snapshot="latest")
    assert len(asked.files) == 1


@pytest.mark.parametrize("change", ["config", "schema", "version", "another OpenClaw", "spoilt"])
def test_what_is_of_another_shape_is_asked_again(host, asked, change):
    foresee(host)
    if change == "config":
        write(host.state.path / "openclaw.json", '{"gateway": {"port": 4711}}')
    elif change == "schema":
        database(host.state.path / AGENT, "CREATE TABLE another (id TEXT)")
    elif change == "version":
        database(host.state.path / AGENT, "PRAGMA user_version = 4711")
    elif change == "another OpenClaw":
        asked.installed = replace(HERE, version="2026.9.7")
    else:
        place = prefetch.directory_of(str(host.state.path))
        with open(os.path.join(place, ".openclaw-judged.json"), "w", encoding="utf-8") as stream:
            stream.write("{")
    host.back_up()
    restored(host, snapshot="latest")
    assert len(asked.files) == 2


def test_a_refusal_is_an_error_and_not_remembered(host, asked):
    asked.verdict = preflight.REFUSED
    with pytest.raises(EngineError) as caught:
        foresee(host)
    assert caught.value.code == "openclaw-refuses-state"
    asked.verdict = preflight.FITS
    restored(host)
    assert len(asked.files) == 2


def test_what_it_could_not_say_is_asked_again(host, asked):
    asked.verdict = preflight.UNKNOWN
    foresee(host)
    restored(host)
    assert len(asked.files) == 2


def test_without_an_openclaw_nobody_is_asked(host, monkeypatch):
    def missing(*_given):
        raise EngineError("openclaw-missing", "none")
    monkeypatch.setattr(installation, "find", missing)
    assert foresee(host) is None
