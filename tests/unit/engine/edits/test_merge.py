# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cron jobs and sessions of a snapshot come into the live state without anything of it being lost."""
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.merge import merge_cron, merge_sessions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.merge_files import merge_cron_files, merge_session_files
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from support.staged_state import HOME, STATE, StagedState, connect

NOW = 1_795_700_000_000
MORE_TABLES = """
CREATE TABLE session_nodes (session_key TEXT NOT NULL PRIMARY KEY, entry_json TEXT NOT NULL) STRICT;
CREATE TABLE session_windows (session_id TEXT NOT NULL PRIMARY KEY, session_key TEXT NOT NULL) STRICT;
CREATE TABLE transcript_events (session_id TEXT NOT NULL, seq INTEGER NOT NULL, event_json TEXT, PRIMARY KEY (session_id, seq)) STRICT;
CREATE TABLE session_transcript_index_state (session_id TEXT NOT NULL PRIMARY KEY, needs_rebuild INTEGER NOT NULL) STRICT;
CREATE TABLE conversations (conversation_id TEXT PRIMARY KEY, peer_id TEXT UNIQUE) STRICT;
CREATE TABLE session_conversations (session_id TEXT NOT NULL, conversation_id TEXT NOT NULL REFERENCES conversations) STRICT;
"""


class Two:
    """A staged state of a snapshot and a live one, both at the same path of the host."""

    def __init__(self, directory: Path) -> None:
        self.snapshot = StagedState(directory / "stage", home=HOME)
        self.live = StagedState(directory / "live", home=HOME)
        self.live_state_dir = str(self.live.disk(STATE))

    def staged(self):
        """The snapshot's, of which all is a source."""
        staged = self.snapshot.staged()
        found = [str(path)[len(str(self.snapshot.stage)):] for path in self.snapshot.stage.rglob("*") if path.is_file()]
        return type(staged)(staged.meta, staged.placement, lambda path: str(self.snapshot.disk(path)), frozenset(found))

    def make(self) -> None:
        for state in (self.snapshot, self.live):
            state.make_databases()
            state.agent_database.unlink()
            connection = connect(state.agent_database)
            connection.executescript(MORE_TABLES)
            connection.close()
            connection = connect(state.database)
            connection.execute("ALTER TABLE cron_jobs ADD COLUMN declaration_key TEXT")
            connection.execute("ALTER TABLE cron_jobs ADD COLUMN sort_order INTEGER NOT NULL DEFAULT 0")
            connection.close()

    def jobs(self, state: StagedState, **jobs) -> None:
        for name, (message, runs, declared) in jobs.items():
            state.insert("cron_jobs", store_key=f"{STATE}/cron/jobs.json", job_id=name, enabled=1, job_json={"say": message}, state_json=runs,
                         declaration_key=declared)

    @staticmethod
    def session(state: StagedState, key: str, session_id: str, said: str, peer: str) -> None:
        state.insert("session_nodes", True, session_key=key, entry_json={"said": said})
        state.insert("session_windows", True, session_id=session_id, session_key=key)
        state.insert("transcript_events", True, session_id=session_id, seq=1, event_json=said)
        state.insert("session_transcript_index_state", True, session_id=session_id, needs_rebuild=0)
        state.insert("conversations", True, conversation_id=f"{state.stage.name}-{peer}", peer_id=peer)
        state.insert("session_conversations", True, session_id=session_id, conversation_id=f"{state.stage.name}-{peer}")


@pytest.fixture
def two(tmp_path):
    return Two(tmp_path)


def content(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_jobs_come_back_keep_their_runs_and_none_is_lost(two):
    two.make()
    two.jobs(two.snapshot, gone=("g", {"nextRunAtMs": 5, "n": 1}, None), changed=("old", {"lastRunAtMs": 1}, None), same=("s", {"lastRunAtMs": 1}, None),
             other=("h", {}, "heartbeat:main"))
    two.jobs(two.live, new=("n", {}, None), changed=("new", {"lastRunAtMs": 2, "nextRunAtMs": 9}, None), same=("s", {"lastRunAtMs": 2}, None),
             own=("h", {}, "heartbeat:main"))
    two.live.insert("worktrees", id="live", path="/x")
    before, mode = content(two.live_state_dir), two.snapshot.database.stat().st_mode
    changes = merge_cron(two.staged(), two.live_state_dir, NOW)
    found = {job: (json.loads(text)["say"], json.loads(state)) for job, text, state in
             two.snapshot.rows("SELECT job_id, job_json, state_json FROM cron_jobs")}
    assert found == {"gone": ("g", {"n": 1}), "changed": ("old", {"lastRunAtMs": 2}), "same": ("s", {"lastRunAtMs": 2}),
                     "new": ("n", {}), "own": ("h", {})}
    assert two.snapshot.rows("SELECT id FROM worktrees") == [("live",)]
    assert [(change.field, change.before) for change in changes] == [("cron job changed", "of this host"), ("cron job gone", "absent")]
    assert content(two.live_state_dir) == before and two.snapshot.database.stat().st_mode == mode
    assert os.listdir(two.snapshot.database.parent) == ["openclaw.sqlite"]


def test_sessions_that_are_gone_come_back_and_others_stay_as_they_are(two):
    two.make()
    two.session(two.snapshot, "agent:main:gone", "1", "said then", "anna")
    two.session(two.snapshot, "agent:main:kept", "2", "said then", "berta")
    two.session(two.live, "agent:main:kept", "3", "said now", "berta")
    two.session(two.snapshot, "agent:main:moved", "4", "said then", "carla")
    two.session(two.live, "agent:main:renamed", "4", "said now", "carla")
    changes = merge_sessions(two.staged(), two.live_state_dir)
    rows = two.snapshot.rows("SELECT session_key, session_id, event_json FROM session_windows JOIN transcript_events USING (session_id)", True)
    assert sorted(rows) == [("agent:main:gone", "1", "said then"), ("agent:main:kept", "3", "said now"), ("agent:main:renamed", "4", "said now")]
    assert two.snapshot.rows("SELECT * FROM session_transcript_index_state ORDER BY 1", True) == [("1", 1), ("3", 0), ("4", 0)]
    assert ("1", "stage-anna") in two.snapshot.rows("SELECT * FROM session_conversations", True)
    assert [change.field for change in changes] == ["session agent:main:gone"]


def test_releases_that_differ_are_not_merged(two):
    two.make()
    connection = connect(two.live.database)
    connection.execute("ALTER TABLE cron_jobs ADD COLUMN later TEXT")
    connection.close()
    with pytest.raises(EngineError) as raised:
        merge_cron(two.staged(), two.live_state_dir, NOW)
    assert raised.value.code == "merge-unlike"


def test_the_files_of_older_releases(two):
    job = {"id": "a", "say": "old", "state": {}}
    two.snapshot.add(f"{STATE}/cron/jobs.json", json.dumps({"version": 1, "jobs": [job, {"id": "b", "state": {"nextRunAtMs": 1}}]}))
    two.live.add(f"{STATE}/cron/jobs.json", json.dumps({"version": 1, "jobs": [
        {"id": "a", "say": "new", "state": {"nextRunAtMs": 3, "lastRunAtMs": 2}}, {"id": "c"}]}))
    sessions = f"{STATE}/agents/main/sessions"
    for state, keys in ((two.snapshot, ("both", "gone")), (two.live, ("both", "new"))):
        state.add(f"{sessions}/sessions.json", json.dumps({key: {"of": state.stage.name} for key in keys}))
        for key in keys:
            state.add(f"{sessions}/{key}.jsonl", state.stage.name)
    (two.snapshot.disk(sessions) / "both.jsonl").unlink()  # the live state has it, so that it is not staged
    staged = two.staged()
    assert len(merge_cron_files(staged, two.live_state_dir, NOW)) == 2
    assert [change.field for change in merge_session_files(staged, two.live_state_dir)] == ["session gone"]
    assert json.loads(two.snapshot.disk(f"{STATE}/cron/jobs.json").read_text())["jobs"] == [
        {"id": "a", "say": "old", "state": {"lastRunAtMs": 2}}, {"id": "c"}, {"id": "b", "state": {}}]
    assert json.loads((two.snapshot.disk(sessions) / "sessions.json").read_text()) == {
        "both": {"of": "live"}, "gone": {"of": "stage"}, "new": {"of": "live"}}


def test_where_one_side_has_nothing_nothing_is_merged(two):
    two.snapshot.make_databases()
    before = content(two.snapshot.stage)
    staged = two.staged()
    assert merge_cron(staged, two.live_state_dir, NOW) == merge_sessions(staged, two.live_state_dir) == []
    assert merge_cron_files(staged, two.live_state_dir, NOW) == merge_session_files(staged, two.live_state_dir) == []
    assert content(two.snapshot.stage) == before
