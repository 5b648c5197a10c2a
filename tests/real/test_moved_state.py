# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A state with an eventful past is restored to another home and profile, edited, and a real gateway lives on from it.

The past is written into the restored databases, so that the original never sees it: a missed command, a missed job of an agent,
one for a moment that has passed, a queued message, a turn under way, a config that OpenClaw would replace by an older copy.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import Account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.locate import Location
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.apply import EditOptions, apply
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.partial import at_last
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.staged import Staged
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.placement import place
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.backup_host import BackupHost, below
from support.openclaw.busy_agents import wait_for
from support.openclaw.gateway import OpenClaw
from support.staged_state import connect

LET_THE_PAST_HAPPEN = EditOptions(deliveries="keep", missed_cron="run", turns="resume", anchors="keep")
QUIET_SECONDS = 15  # OpenClaw takes up turns 5 s after it has started, and runs missed commands at once


class Moved:
    """One restore of the original's state to a home of its own, with a profile."""

    def __init__(self, directory: Path, host: BackupHost, original: OpenClaw, outside: Path, cache: str) -> None:
        self.home, self.fired = directory / "home", directory / "fired"
        directory.mkdir()
        self.home.mkdir(mode=0o700)
        self._original, self._outside = original, outside
        self.state = self.home / ".openclaw-trial"
        self.meta = host.manifest_meta()
        self._tree = host.restore()
        account = Account("root", os.geteuid(), os.getegid(), str(self.home))
        location = Location(account, str(self.home), "trial", str(self.state), str(self.state / "openclaw.json"))
        self.placement = place(self.meta, location)
        self.gateway = OpenClaw(str(self.home), cache, state_dir=str(self.state))

    def captured(self, path: str) -> Path:
        """Where a captured path lies in the restored tree."""
        return below(self._tree, path)

    def restore_again(self, host: BackupHost) -> None:
        """Another tree, for what comes from the snapshot into the state that is in place already."""
        self._tree = host.restore()

    def merge(self) -> list:
        """Bring back the snapshot's cron jobs and sessions, as a restore of a part does while the gateway is stopped."""
        databases = [f"{self.state}/state/openclaw.sqlite"]
        databases += [f"{self.state}/agents/{agent}/agent/openclaw-agent.sqlite" for agent in ("main", "work")]
        staged = Staged(self.meta, self.placement, self._disk, frozenset(databases))
        apply(staged, EditOptions(), Context())
        changes = at_last(
            staged, str(self.state), str(self.state / "openclaw.json"), ("cron", "sessions"), False, EditOptions(), Context())
        for path in databases:
            for suffix in ("-wal", "-shm"):
                Path(path + suffix).unlink(missing_ok=True)
            os.replace(self._disk(path), path)
        return changes

    def _disk(self, path: str) -> str:
        for old, new in self.placement.moves:
            if path == new or path.startswith(new + "/"):
                return str(self.captured(old + path[len(new):]))
        return str(self.captured(path))

    def edit(self, options: EditOptions):
        """Edit where it lies, then put it where it belongs."""
        report = apply(Staged(self.meta, self.placement, self._disk), options, Context())
        again = apply(Staged(self.meta, self.placement, self._disk), options, Context())
        assert not [change for change in again.changes if "scheduleActivated" not in change.field], "a second run changes nothing"
        os.rename(self._disk(str(self.state)), self.state)
        os.rename(self.captured(str(self._outside)), self.placement.path(str(self._outside)))
        return report

    def start(self) -> None:
        """Run its gateway, with scheduled work."""
        text = (self.state / "openclaw.json").read_text()
        (self.state / "openclaw.json").write_text(re.sub(r'("port":) \d+', rf"\1 {self.gateway.port}", text))
        self.gateway.start()

    def plant(self) -> None:
        """The past."""
        state = str(self._original.state_dir)
        self._plant_config(self.captured(state) / "openclaw.json", state)
        now = round(time.time() * 1000)
        connection = connect(self.captured(state) / "state" / "openclaw.sqlite")
        due = {"nextRunAtMs": now - 3_600_000, "lastRunAtMs": now - 90_000_000, "lastRunStatus": "ok"}
        row = connection.execute("SELECT * FROM cron_jobs WHERE name = 'nightly'")
        columns = [item[0] for item in row.description]
        model = dict(zip(columns, row.fetchone()))
        for name, schedule, payload in (
                ("missed-command", {"kind": "cron", "expr": "0 * * * *", "staggerMs": 0},
                 {"kind": "command", "argv": ["touch", str(self.fired)]}),
                ("missed-once", {"kind": "at", "at": "2026-01-01T00:00:00.000Z"}, {"kind": "command", "argv": ["touch", f"{self.fired}-once"]})):
            job = {**json.loads(model["job_json"]), "id": name, "name": name, "schedule": schedule, "payload": payload,
                   "createdAtMs": now - 90_000_000, "delivery": {"mode": "none"}}
            row = {**model, "job_id": name, "name": name, "payload_kind": "command", "job_json": json.dumps(job),
                   "state_json": json.dumps(due if name == "missed-command" else {"nextRunAtMs": now - 3_600_000}), "schedule_identity": None}
            connection.execute(f"INSERT INTO cron_jobs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", list(row.values()))
        connection.execute("UPDATE cron_jobs SET state_json = ? WHERE name = 'nightly'", (json.dumps(due),))
        connection.execute(
            "INSERT INTO delivery_queue_entries (queue_name, id, status, channel, entry_json, enqueued_at, updated_at) VALUES "
            "('outbound-prepared-v1', 'old', 'pending', 'telegram', '{\"id\":\"old\",\"retryCount\":0}', ?, ?)", (now, now))
        connection.close()
        connection = connect(self.captured(state) / "agents" / "main" / "agent" / "openclaw-agent.sqlite")
        entry = json.loads(connection.execute("SELECT entry_json FROM session_nodes WHERE session_key = 'agent:main:main'").fetchone()[0])
        entry.update(status="running", abortedLastRun=True, mainRestartRecovery={"cycleId": "c", "revision": 1, "chargedAttempts": 0})
        connection.execute("UPDATE session_nodes SET entry_json = ?, status = 'running' WHERE session_key = 'agent:main:main'", (json.dumps(entry),))
        connection.execute("UPDATE session_nodes SET entry_valid = 1 WHERE session_key = 'agent:main:main'")  # as OpenClaw does after its writes
        connection.close()

    def _plant_config(self, config: Path, state: str) -> None:
        """A comment, an include, and a copy that OpenClaw would put back: more than twice as long, with the fingerprint of a config like it."""
        text = config.read_text()
        (config.parent / "more.json5").write_text(f'// {state}\n{{ skills: {{ load: {{ extraDirs: ["{state}/workspace/skills"] }} }} }}\n')
        self.meta["roots"].append({"path": f"{state}/more.json5", "role": "include", "agent": None})
        config.write_text(text.replace("{", f'{{\n  // was at {state}\n  "$include": "./more.json5",', 1))
        for end in (".bak", ".last-good"):
            copy = config.with_name(config.name + end)
            copy.write_text(text + " " * 2 * len(text))
            root = {"path": f"{state}/openclaw.json{end}", "role": "config", "agent": None}
            if root["path"] not in [item["path"] for item in self.meta["roots"]]:
                self.meta["roots"].append(root)
        connection = connect(config.parent / "state" / "openclaw.sqlite")
        connection.execute("UPDATE config_health_entries SET last_known_good_json = json_set(last_known_good_json, '$.bytes', 99999)")
        connection.close()

    def jobs(self) -> dict:
        """Cron jobs by name, as the gateway lists them."""
        return {job["name"]: job for job in self.gateway.call("cron.list", includeDisabled=True)["jobs"]}


def fingerprint(folder: Path) -> dict:
    """Every file with its content."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
def test_a_state_with_a_past_moves_to_another_home_and_profile_and_does_not_act_on_it(openclaw_gateway, openclaw_cache, tmp_path):
    original, outside = openclaw_gateway.openclaw, openclaw_gateway.outside
    host = BackupHost(tmp_path, home=Path(original.home))
    host.back_up()
    jobs_before = {job["name"]: job["schedule"] for job in original.call("cron.list", includeDisabled=True)["jobs"]}
    sessions_before = set(original.contents()["sessions"])

    careless = Moved(tmp_path / "careless", host, original, outside, openclaw_cache)
    careless.plant()
    careless.edit(LET_THE_PAST_HAPPEN)
    turns = openclaw_gateway.models.turns
    try:
        careless.start()  # what the rest of this test keeps from happening does happen
        wait_for(careless.fired.exists)
        wait_for(lambda: openclaw_gateway.models.turns > turns)
    finally:
        careless.gateway.kill()

    moved = Moved(tmp_path / "moved", host, original, outside, openclaw_cache)
    moved.plant()
    report = moved.edit(EditOptions())
    shutil.rmtree(moved.captured("/"), ignore_errors=True)
    before = {folder: fingerprint(folder) for folder in (Path(original.state_dir) / "workspace", outside)}
    turns = openclaw_gateway.models.turns
    config = (moved.state / "openclaw.json").read_text()
    listed = moved.gateway.json_command("sessions", "--all-agents", "--limit", "all")  # before the gateway has set anything right
    assert {session["key"] for session in listed["sessions"]} == sessions_before
    try:
        moved.start()
        jobs, contents = moved.jobs(), moved.gateway.contents()
        time.sleep(QUIET_SECONDS)
        assert openclaw_gateway.models.turns == turns, "the restored agent took up an old turn"
        moved.gateway.say("main", "are you there?")
        moved.gateway.say("work", "are you there?")
        log = moved.gateway.log()
    finally:
        moved.gateway.stop()
    assert not moved.fired.exists() and not Path(f"{moved.fired}-once").exists()
    assert set(jobs) == {*jobs_before, "missed-command", "missed-once"}
    assert {name: job["schedule"] for name, job in jobs.items() if name in jobs_before} == jobs_before
    for name, job in jobs.items():
        assert job["enabled"] is (name != "missed-once"), name
        assert name == "missed-once" or job["state"]["nextRunAtMs"] > time.time() * 1000, name
    assert "missed" not in log
    assert set(contents["sessions"]) == sessions_before
    assert contents["agents"] == ["main", "work"]
    connection = sqlite3.connect(moved.state / "state" / "openclaw.sqlite")
    assert not connection.execute("SELECT 1 FROM delivery_queue_entries WHERE status = 'pending'").fetchall()
    connection.close()

    for name in os.listdir(moved.state):
        if name.startswith(("openclaw.json", "more.json5")):
            text = (moved.state / name).read_text()
            assert str(original.home) not in text, f"{name} still names the old home"
    assert "// was at" in config and (moved.state / "openclaw.json").read_text().count("// was at") == 1, "the config was put back"
    assert {folder: fingerprint(folder) for folder in before} == before, "the copy worked in the original's workspace"
    assert {path.stat().st_uid for path in moved.state.rglob("*") if path.exists()} == {os.geteuid()}
    told = {(change.kind, change.field) for change in report.changes}
    assert ("held", "cron job missed-command") in told and ("held", "cron job missed-once") in told
    assert ("held", "session agent:main:main") in told and ("path", "skills.load.extraDirs[0]") in told
    assert ("path", "cron_jobs.store_key") in told


def test_sessions_and_cron_jobs_that_were_deleted_come_back_into_a_state_that_lives_on(openclaw_gateway, openclaw_cache, tmp_path):
    original = openclaw_gateway.openclaw
    host = BackupHost(tmp_path, home=Path(original.home))
    host.back_up()
    before = original.contents()
    live = Moved(tmp_path / "live", host, original, openclaw_gateway.outside, openclaw_cache)
    live.edit(EditOptions())
    for name, statement in (
            ("state/openclaw.sqlite", "DELETE FROM cron_jobs WHERE name = 'weekly'"),
            ("agents/work/agent/openclaw-agent.sqlite", "DELETE FROM session_nodes")):
        connection = connect(live.state / name)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(statement)
        connection.close()
    live.restore_again(host)
    changes = live.merge()
    try:
        live.start()
        after = live.gateway.contents()
        live.gateway.say("work", "are you there?")
    finally:
        live.gateway.kill()
    assert after == before
    assert {change.field for change in changes if change.kind == "merged"} >= {"session agent:work:main"}
    assert len([change for change in changes if change.field.startswith("cron job ")]) == 1
