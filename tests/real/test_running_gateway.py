# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real gateway is backed up while its agents work, and another one lives on from the copy."""
from __future__ import annotations

import sqlite3
from pathlib import Path

from support.backup_host import BackupHost, below
from support.openclaw.busy_agents import BusyAgents, wait_for
from support.openclaw.gateway import OpenClaw
from support.openclaw.relocation import move_paths


def test_a_gateway_restored_from_a_live_backup_shows_the_same_agents_sessions_and_cron_jobs(openclaw_gateway, openclaw_cache, tmp_path):
    """The agents work on during the backup; what the copy must have is everything up to its beginning."""
    original = openclaw_gateway.openclaw
    host = BackupHost(tmp_path, home=Path(original.home))
    before = original.contents()
    with BusyAgents(original) as agents:
        wait_for(lambda: agents.turns >= 1)
        result = host.back_up()
        wait_for(lambda: agents.turns >= 3)
    assert result["omissions"] == [] and result["damaged_databases"] == []
    assert original.probe("readyz")["ready"], "the backup disturbed the gateway"
    after = original.contents()

    copy = start_copy(host, original, openclaw_gateway.outside, openclaw_cache)
    try:
        restored = copy.contents()
        ready = copy.probe("readyz")
        copy.say("main", "are you there?")
    finally:
        copy.kill()
    assert ready["ready"] and not ready["failing"]
    assert restored["agents"] == before["agents"] == ["main", "work"]
    assert restored["cron"] == before["cron"]
    assert {"nightly", "weekly"} <= {job[0] for job in restored["cron"].values()}
    assert set(restored["sessions"]) == set(before["sessions"])
    for key, messages in restored["sessions"].items():
        assert messages[:len(before["sessions"][key])] == before["sessions"][key], "messages from before the backup are missing"
        assert messages == after["sessions"][key][:len(messages)], "messages that never were"
    assert original.probe("readyz")["ready"] and len(original.contents()["sessions"]["agent:main:main"]) == \
        len(after["sessions"]["agent:main:main"]), "the copy worked in the original"


def start_copy(host: BackupHost, original: OpenClaw, outside: Path, cache: str) -> OpenClaw:
    """Restore to a directory, rewrite the paths, and start from there on another port, without channels and cron."""
    target = host.restore()
    home, state = below(target, original.home), below(target, original.state_dir)
    for path in state.rglob("*.sqlite"):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)], path
        connection.close()
    move_paths(str(state), {original.state_dir: str(state), str(outside): str(below(target, outside))})
    copy = OpenClaw(str(home), cache)
    assert copy.port != original.port
    copy.start(cron=False)
    return copy


def test_after_a_power_cut_the_gateway_starts_from_the_backup_of_what_was_left(openclaw_gateway, openclaw_cache, tmp_path):
    """A killed gateway leaves locks and unfinished WALs; the backup of that state is as good as any."""
    original = openclaw_gateway.openclaw
    before = original.contents()
    original.kill()
    host = BackupHost(tmp_path, home=Path(original.home))
    assert host.back_up()["omissions"] == []
    copy = start_copy(host, original, openclaw_gateway.outside, openclaw_cache)
    try:
        assert copy.contents() == before
    finally:
        copy.kill()
        original.start()


def test_the_gateways_own_verification_accepts_a_restored_state(openclaw_gateway, openclaw_cache, tmp_path):
    """OpenClaw's commands that look at a state offline: config, databases' schema, sessions."""
    original = openclaw_gateway.openclaw
    host = BackupHost(tmp_path, home=Path(original.home))
    host.back_up()
    target = host.restore()
    state = below(target, original.state_dir)
    move_paths(str(state), {original.state_dir: str(state)})
    copy = OpenClaw(str(below(target, original.home)), openclaw_cache)
    assert copy.json_command("config", "validate")["valid"]
    for kind, database, arguments in (("preflight", "state/openclaw.sqlite", ()),
                                      ("preflight-agent", "agents/main/agent/openclaw-agent.sqlite", ("--agent-id", "main"))):
        found = copy.json_command("database", kind, str(state / database), *arguments)
        assert "exact" in str(found), found
    listed = copy.json_command("sessions", "--all-agents", "--limit", "all")
    assert {session["key"] for session in listed["sessions"]} == {"agent:main:main", "agent:work:main"}
