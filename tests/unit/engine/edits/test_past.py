# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restored agent does not act on the past, and says what was held; each of these is an option."""
from __future__ import annotations

import json

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.apply import EditOptions, apply, repeat_past
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock, Context
from support.staged_state import HOME, STATE, StagedState

NOW = 1_795_700_000_000  # milliseconds
HOUR = 3_600_000


class At(Clock):
    """A clock that stands."""

    def now(self) -> float:
        return NOW / 1000


@pytest.fixture
def state(tmp_path):
    made = StagedState(tmp_path, home=HOME)  # nothing moves
    made.make_databases()
    return made


def edit(state, **options):
    return apply(state.staged(), EditOptions(**options), Context(clock=At()))


def held(report):
    return {(change.field, change.before, change.after) for change in report.changes if change.kind == "held"}


def test_queued_messages_are_not_sent_and_receipts_stay(state):
    for number, (status, recovery) in enumerate([("pending", None), ("pending", "send_attempt_started"), ("completed", None),
                                                 ("failed", None), ("failed", "settlement_pending")]):
        state.insert("delivery_queue_entries", queue_name="outbound-prepared-v1", id=str(number), status=status, channel="telegram",
                     target="+49 30 1", recovery_state=recovery, entry_json={"text": "secret"})
    state.insert("channel_ingress_events", queue_name="q", event_id="1", channel_id="slack", status="claimed", updated_at=1, claim_token="t")
    state.insert("channel_ingress_events", queue_name="q", event_id="2", channel_id="slack", status="completed", updated_at=1)
    state.insert("gateway_restart_sentinel", sentinel_key="k", message="back again")
    state.insert("conversation_deliveries", True, operation_id="o", status="queued", updated_at=1)
    report = edit(state)
    assert state.rows("SELECT id FROM delivery_queue_entries ORDER BY id") == [("2",), ("3",)]
    assert state.rows("SELECT status, failed_reason, failed_at, claim_token FROM channel_ingress_events ORDER BY event_id") == [
        ("failed", "held by a restore", NOW, None), ("completed", None, None, None)]
    assert not state.rows("SELECT 1 FROM gateway_restart_sentinel")
    assert state.rows("SELECT status FROM conversation_deliveries", True) == [("unknown",)]
    assert ("delivery_queue_entries.outbound-prepared-v1", "2 to be sent by telegram", "not sent") in held(report)
    text = json.dumps(report.to_dict())
    assert "secret" not in text and "+49" not in text
    assert not edit(state).changes


def test_everything_stays_as_it_is_when_asked_for(state):
    state.insert("delivery_queue_entries", queue_name="q", id="1", status="pending", entry_json={})
    state.insert("task_runs", task_id="t", status="running", delivery_status="pending")
    state.insert("state_leases", scope="gateway-owner", lease_key="global", owner="x")
    state.insert("config_health_entries", config_path="x", last_known_good_json={})
    state.insert("session_nodes", True, session_key="s", entry_json={"status": "running"}, status="running")
    state.job("a", {"kind": "cron", "expr": "0 3 * * *"}, {"nextRunAtMs": NOW - HOUR, "lastRunAtMs": NOW - 30 * HOUR})
    before = state.database.read_bytes(), state.agent_database.read_bytes()
    report = edit(state, deliveries="keep", missed_cron="run", turns="resume", locks="keep", anchors="keep")
    assert not report.changes
    assert (state.database.read_bytes(), state.agent_database.read_bytes()) == before


@pytest.mark.parametrize("schedule, before, enabled, after", [
    ({"kind": "cron", "expr": "0 3 * * *"}, {"nextRunAtMs": NOW - HOUR, "lastRunAtMs": NOW - 25 * HOUR}, 1,
     {"lastRunAtMs": NOW - 25 * HOUR, "scheduleActivatedAtMs": NOW}),
    # Already advanced, with a slot between the last run and now: OpenClaw would run it too.
    ({"kind": "cron", "expr": "0 3 * * *"}, {"nextRunAtMs": NOW + HOUR, "lastRunAtMs": NOW - 25 * HOUR}, 1,
     {"nextRunAtMs": NOW + HOUR, "lastRunAtMs": NOW - 25 * HOUR, "scheduleActivatedAtMs": NOW}),
    ({"kind": "every", "everyMs": HOUR}, {"nextRunAtMs": NOW - 5, "lastRunAtMs": 7}, 1, {"lastRunAtMs": 7}),
    ({"kind": "every", "everyMs": HOUR}, {"nextRunAtMs": NOW + 5}, 1, {"nextRunAtMs": NOW + 5}),
    ({"kind": "every", "everyMs": HOUR}, {"runningAtMs": NOW - 5, "runningReceiptId": "r"}, 1, {}),
    ({"kind": "every", "everyMs": HOUR}, {"nextRunAtMs": NOW + 9, "pacedNextRunAtMs": NOW - 5}, 1, {}),
    ({"kind": "at", "at": "2026-11-01T00:00:00Z"}, {"nextRunAtMs": NOW - HOUR}, 0, {}),
    ({"kind": "at", "at": "2026-11-01T00:00:00Z"}, {}, 0, {}),
    ({"kind": "at", "at": "2026-11-01T00:00:00Z"}, {"lastRunAtMs": 5}, 1, {"lastRunAtMs": 5}),
    ({"kind": "at", "at": "2027-11-01T00:00:00Z"}, {"nextRunAtMs": NOW + HOUR}, 1, {"nextRunAtMs": NOW + HOUR}),
    ({"kind": "on-exit", "command": "x"}, {"a": 1}, 1, {"a": 1}),
])
def test_missed_runs_are_skipped_and_jobs_stay_enabled_unless_their_only_moment_has_passed(state, schedule, before, enabled, after):
    state.job("a", schedule, before)
    edit(state)
    found = state.job_state("a")
    assert found[0] == enabled and found[1]["enabled"] is bool(enabled) and found[2] == after
    assert not edit(state).changes


def test_a_disabled_job_stays_as_it_is_and_receipts_of_interrupted_runs_are_closed(state):
    state.job("a", {"kind": "cron", "expr": "* * * * *"}, {"nextRunAtMs": NOW - HOUR}, enabled=False)
    state.insert("cron_run_receipts", receipt_id="r", store_key="k", job_id="a", status="running")
    edit(state)
    assert state.job_state("a")[2] == {"nextRunAtMs": NOW - HOUR}
    assert state.rows("SELECT status, finished_at_ms FROM cron_run_receipts") == [("interrupted", NOW)]


def test_a_run_that_comes_due_between_the_edits_and_the_swap_is_skipped_too(state):
    state.job("a", {"kind": "every", "everyMs": HOUR}, {"nextRunAtMs": NOW + 5})
    edit(state)
    later = At()
    later.now = lambda: NOW / 1000 + 1
    report = repeat_past(state.staged(), EditOptions(), Context(clock=later))
    assert [change.after for change in report.changes] == ["runs the next time"]
    assert state.job_state("a")[2] == {}


def test_interrupted_turns_end_and_their_receipts_stay(state):
    running = {"status": "running", "updatedAt": 5, "activeWriterRunId": "r", "restartRecoveryRuns": [{}], "restartRecoveryTerminalRunIds": ["x"],
               "mainRestartRecovery": {"cycleId": "c"}, "pendingFinalDelivery": {"text": "t"}, "label": "kept"}
    done = {"status": "done", "activeWriterRunId": "r", "abortedLastRun": False}
    state.insert("session_nodes", True, session_key="agent:main:main", entry_json=running, status="running")
    state.insert("session_nodes", True, session_key="agent:main:done", entry_json=done, status="done")
    state.insert("session_windows", True, session_id="w", status="running")
    state.insert("session_pending_inputs", True, seq=1, state="queued")
    state.insert("task_runs", task_id="t", status="running", delivery_status="pending")
    state.insert("subagent_runs", run_id="r", payload_json={})
    report = edit(state)
    rows = {key: (status, json.loads(entry)) for key, status, entry in state.rows("SELECT session_key, status, entry_json FROM session_nodes", True)}
    assert rows["agent:main:main"] == ("failed", {
        "status": "failed", "updatedAt": 5, "endedAt": 5, "restartRecoveryTerminalRunIds": ["x"], "label": "kept"})
    assert rows["agent:main:done"] == ("done", done)
    assert state.rows("SELECT status FROM session_windows", True) == [("failed",)]
    assert state.rows("SELECT state FROM session_pending_inputs", True) == [("cancelled",)]
    assert state.rows("SELECT status, delivery_status FROM task_runs") == [("lost", "dismissed")]
    assert not state.rows("SELECT 1 FROM subagent_runs")
    assert ("session agent:main:main", "to be taken up again", "failed") in held(report)
    assert not edit(state).changes


def test_what_a_process_left_behind_goes_and_workspaces_are_not_searched(state):
    gone = [state.add(f"{STATE}/{name}", "x") for name in (
        "gateway.lock", "agents/main/sessions/a.jsonl.lock", "tmp/openclaw-0/gateway.state.lock", "browser/x/SingletonCookie",
        "agents/main/agent/openclaw-agent.sqlite.generation-lock.sqlite", "agents/main/agent/openclaw-agent.sqlite.memory-reindex-1-wal")]
    kept = [state.add(f"{STATE}/{name}", "x") for name in ("workspace/poetry.lock", "workspace/server.pid", "credentials/lock")]
    state.insert("state_leases", scope="gateway-owner", lease_key="global", owner="x")
    state.insert("agent_database_leases", lease_id="l", path="x")
    report = edit(state)
    assert not any(path.exists() for path in gone) and all(path.exists() for path in kept)
    assert not state.rows("SELECT 1 FROM state_leases") and not state.rows("SELECT 1 FROM agent_database_leases")
    assert len([change for change in report.changes if change.kind == "removed"]) == len(gone) + 2
    assert not edit(state).changes


def test_openclaw_finds_nothing_that_tells_it_to_put_an_older_config_back(state):
    state.add(f"{STATE}/openclaw.json", "{a: 1}")
    copies = [state.add(f"{STATE}/openclaw.json{end}", "{b: 2, gateway: {}}", "config") for end in (".bak", ".last-good", ".bak.1")]
    state.insert("config_health_entries", config_path="x", last_known_good_json={"bytes": 900})
    report = edit(state)
    assert [path.read_text() for path in copies] == ["{a: 1}", "{a: 1}", "{b: 2, gateway: {}}"]
    assert not state.rows("SELECT 1 FROM config_health_entries")
    assert len([change for change in report.changes if change.kind == "anchor"]) == 3
    assert not edit(state).changes


def test_the_files_of_older_releases(tmp_path):
    state = StagedState(tmp_path, home=HOME)
    queued = state.add(f"{STATE}/delivery-queue/1.json", "{}")
    failed = state.add(f"{STATE}/delivery-queue/failed/2.json", "{}")
    sentinel = state.add(f"{STATE}/restart-sentinel.json", "{}")
    jobs = state.add(f"{STATE}/cron/jobs.json", json.dumps({"version": 1, "jobs": [
        {"id": "a", "enabled": True, "schedule": {"kind": "every", "everyMs": 5}, "state": {"nextRunAtMs": 5}},
        {"id": "b", "enabled": True, "schedule": {"kind": "cron", "expr": "* * * * *"}, "state": {}}]}))
    states = state.add(f"{STATE}/cron/jobs-state.json", json.dumps({"version": 1, "jobs": {"b": {"state": {"nextRunAtMs": 5}}}}))
    sessions = state.add(f"{STATE}/agents/main/sessions/sessions.json", json.dumps({"k": {"status": "running", "updatedAt": 3}}))
    report = edit(state)
    assert not queued.exists() and failed.exists() and not sentinel.exists()
    assert json.loads(jobs.read_text())["jobs"][0]["state"] == {}
    assert json.loads(states.read_text())["jobs"]["b"]["state"] == {"scheduleActivatedAtMs": NOW}
    assert json.loads(sessions.read_text())["k"] == {"status": "failed", "updatedAt": 3, "endedAt": 3}
    assert {"cron job a", "cron job b", "session k"} <= {change.field for change in report.changes}
    assert not edit(state).changes
