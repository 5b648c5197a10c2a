# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a snapshot come into a live state: the rest of its databases lives on, and the identity stays that of the live state."""
from __future__ import annotations

import json
import os
import sqlite3

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.apply import EditOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.inplace import execute
from support.fake_host import database

TABLES = (
    "CREATE TABLE cron_jobs (store_key TEXT NOT NULL, job_id TEXT NOT NULL, declaration_key TEXT, enabled INTEGER NOT NULL, "
    "job_json TEXT NOT NULL, state_json TEXT NOT NULL, sort_order INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (store_key, job_id))",
    "CREATE TABLE config_health_entries (config_path TEXT PRIMARY KEY, last_known_good_json TEXT)",
    "CREATE TABLE device_identities (identity_key TEXT PRIMARY KEY, device_id TEXT NOT NULL)",
    "CREATE TABLE notes (text TEXT)",
    "CREATE TABLE delivery_queue_entries (queue_name TEXT, id TEXT, status TEXT, channel TEXT, recovery_state TEXT)",
    "INSERT INTO delivery_queue_entries VALUES ('q', 'old', 'pending', 'telegram', NULL)",
)


@pytest.fixture
def parts(host):
    """A snapshot with a job that is deleted, an identity and a config; then the live state gets others of each."""
    state = host.state.path
    path = state / "state/openclaw.sqlite"
    key = f"{state}/cron/jobs.json"
    host.configure(**host.config, gateway={"auth": {"token": "then"}}, note="then")
    database(path, *TABLES, "INSERT INTO device_identities VALUES ('primary', 'then')",
             f"INSERT INTO cron_jobs VALUES ('{key}', 'gone', NULL, 1, '{{\"enabled\":true}}', '{{}}', 0)")
    host.back_up()
    host.configure(**host.config, gateway={"auth": {"token": "now"}}, note="now")
    database(path, "UPDATE device_identities SET device_id = 'now'", "INSERT INTO notes VALUES ('now')",
             "INSERT INTO config_health_entries VALUES ('c', '{\"bytes\":99999}')",
             "UPDATE cron_jobs SET job_id = 'new'")
    host.database = path
    return host


def rows(host, query):
    connection = sqlite3.connect(host.database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def config(host):
    found = json.loads((host.state.path / "openclaw.json").read_text())
    return {name: found[name] for name in ("gateway", "note")}


def test_a_config_comes_back_without_the_identity_and_openclaw_does_not_put_the_other_one_back(parts):
    result = parts.restore_in_place(paths=("openclaw.json",))
    assert config(parts) == {"gateway": {"auth": {"token": "now"}}, "note": "then"}
    assert rows(parts, "SELECT device_id FROM device_identities") == [("now",)]
    assert rows(parts, "SELECT text FROM notes") == [("now",)] and rows(parts, "SELECT job_id FROM cron_jobs") == [("new",)]
    assert rows(parts, "SELECT * FROM config_health_entries") == []
    told = {(change["kind"], change["field"]) for change in result.edits["changes"]}
    assert told == {("anchor", "config_health_entries c"), ("identity", "gateway.auth")}


def test_a_snapshot_of_the_config_alone_does_the_same(parts):
    """It brings no database: the live one forgets the config, and nothing else."""
    database(parts.database, "DELETE FROM config_health_entries")
    parts.configure(**parts.config, gateway={"auth": {"token": "then"}}, note="alone")
    parts.back_up(scope="config")
    parts.configure(**parts.config, gateway={"auth": {"token": "now"}}, note="now")
    database(parts.database, "INSERT INTO config_health_entries VALUES ('c', '{\"bytes\":99999}')")
    before, owner = parts.picture(), os.stat(parts.database)

    def fail(name):
        if name == "before-commit":
            raise OSError(5, "made up")
    with pytest.raises(EngineError):
        parts.restore_in_place(fail)
    changed = [path for path, seen in parts.picture().items() if seen != before[path]]
    assert changed == [str(parts.state.path)], "only the time of the directory in which the config was staged"
    result = parts.restore_in_place()
    assert config(parts) == {"gateway": {"auth": {"token": "now"}}, "note": "alone"}, "the token belongs to the devices in the database"
    assert rows(parts, "SELECT * FROM config_health_entries") == [] and rows(parts, "SELECT text FROM notes") == [("now",)]
    assert ("anchor", "config_health_entries c") in {(change["kind"], change["field"]) for change in result.edits["changes"]}
    now = os.stat(parts.database)
    assert (now.st_mode, now.st_uid, now.st_gid) == (owner.st_mode, owner.st_uid, owner.st_gid) and not os.path.lexists(f"{parts.database}-wal")
    assert not parts.plan_in_place(snapshot=result.plan["snapshot"]).changed


def test_cron_jobs_are_merged_into_the_live_database(parts):
    before = (parts.state.path / "openclaw.json").read_bytes(), (parts.state.path / "workspace/MEMORY.md").read_bytes()
    result = parts.restore_in_place(merge=("cron",))
    assert sorted(rows(parts, "SELECT job_id FROM cron_jobs")) == [("gone",), ("new",)]
    assert rows(parts, "SELECT text FROM notes") == [("now",)] and rows(parts, "SELECT device_id FROM device_identities") == [("now",)]
    assert ((parts.state.path / "openclaw.json").read_bytes(), (parts.state.path / "workspace/MEMORY.md").read_bytes()) == before
    assert [change["field"] for change in result.edits["changes"]] == ["cron job gone"]
    assert os.stat(parts.database).st_nlink == 1 and not os.path.lexists(f"{parts.database}-wal")


def test_a_failure_after_the_merge_leaves_the_live_database_as_it_was(parts):
    def fail(name):
        if name == "edited-at-last":
            raise OSError(28, "full")
    before = parts.picture()
    with pytest.raises((EngineError, OSError)):
        parts.restore_in_place(fail, merge=("cron",))
    assert parts.picture() == before


def test_the_whole_state_comes_with_the_identity_and_without_the_past(parts):
    result = parts.restore_in_place()
    assert config(parts) == {"gateway": {"auth": {"token": "then"}}, "note": "then"}
    assert rows(parts, "SELECT device_id FROM device_identities") == [("then",)] and not rows(parts, "SELECT * FROM notes")
    assert rows(parts, "SELECT id FROM delivery_queue_entries") == []
    assert "delivery_queue_entries.q" in {change["field"] for change in result.edits["changes"] if change["kind"] == "held"}


def test_the_identity_is_kept_when_asked_for(parts):
    parts.restore_in_place(edits=EditOptions(identity="target"))
    assert config(parts) == {"gateway": {"auth": {"token": "now"}}, "note": "then"}
    assert rows(parts, "SELECT device_id FROM device_identities") == [("now",)] and not rows(parts, "SELECT * FROM notes")


def test_the_originals_workspace_is_not_replaced_by_a_copy_of_another_profile(parts):
    copy = parts.where(profile="trial")
    with pytest.raises(EngineError) as raised:
        parts.plan_in_place(copy)
    assert raised.value.code == "placement-shared" and raised.value.details["paths"] == [str(parts.outside)]
    before = parts.picture()
    moves = ((str(parts.outside), f"{parts.outside}-trial"),)
    execute.execute(parts.plan_in_place(copy, moves=moves), parts.context)
    assert parts.picture() == before and (parts.outside.parent / "work-trial" / "SOUL.md").exists()
    assert json.loads((parts.home / ".openclaw-trial/openclaw.json").read_text())["note"] == "then"


def test_what_cannot_be_merged_is_refused(parts):
    with pytest.raises(EngineError) as raised:
        parts.plan_in_place(merge=("workspace",))
    assert raised.value.code == "option-invalid"
    with pytest.raises(EngineError) as raised:
        parts.plan_in_place(components=("cron",))
    assert raised.value.code == "nothing-selected"
