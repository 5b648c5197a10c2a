# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a restored agent would do about the past, held: messages to be sent, messages to be answered, interrupted turns.

At its start OpenClaw sends what is queued, takes up interrupted turns, tells sessions about a restart, and works off what
channels have delivered (its docs/gateway/restart-recovery.md). In a restored state all that is as old as the snapshot. Held
means: it will not happen by itself. What was held is reported, and stays in the snapshot. Receipts of what was sent stay in
the state, so that nothing is sent twice.
"""
from __future__ import annotations

import sqlite3

from .databases import columns_of, json_object, json_text, mark_valid, open_staged, quoted, tables_of, valid_sessions
from .staged import Change, EditReport, Staged, Unmapped

HELD_REASON = "held by a restore"
# An entry of a session that OpenClaw would take up again. https://docs.openclaw.ai/gateway/restart-recovery; main-session-recovery-*.
_TO_BE_TAKEN_UP = ("mainRestartRecovery", "pendingFinalDelivery")
_UNDER_WAY = (*_TO_BE_TAKEN_UP, "abortedLastRun", "activeWriterRunId", "lifecycleRunId")
_RECOVERY, _RECEIPTS = "restartRecovery", "restartRecoveryTerminal"  # receipts of what was sent stay
_RESTART_TABLES = ("gateway_restart_sentinel", "gateway_restart_intent", "gateway_restart_handoff")
_UNFINISHED_FLOWS = ("queued", "running", "waiting", "blocked")


class Tables:
    """The tables of a database, asked for by the columns that an edit needs. Another release's that lacks some is reported, not edited."""

    def __init__(self, connection: sqlite3.Connection, path: str, report: EditReport) -> None:
        self._connection, self._path, self._report, self._names = connection, path, report, tables_of(connection)

    def have(self, table: str, *columns: str) -> bool:
        """Whether there is such a table with these columns."""
        if table not in self._names:
            return False
        missing = set(columns) - set(columns_of(self._connection, table))
        if missing:
            self._report.unmapped.append(Unmapped(
                self._path, table, ", ".join(sorted(missing)), "this release of OpenClaw keeps it differently, and it was left as it is"))
        return not missing


def hold_deliveries(staged: Staged, now: int, report: EditReport) -> None:
    """Queued messages in both directions, and the announcement of a restart. now: milliseconds. EngineError "edit-failed"."""
    path = staged.own_state_database()
    if path:
        with open_staged(staged.locate(path), path) as connection:
            tables = Tables(connection, path, report)
            if tables.have("delivery_queue_entries", "queue_name", "status", "channel", "recovery_state"):
                _hold_outbound(connection, path, report)
            if tables.have("channel_ingress_events", "channel_id", "status", "failed_reason", "failed_at", "updated_at", "claim_token",
                           "claim_owner", "claimed_at"):
                _hold_inbound(connection, path, now, report)
            for table in _RESTART_TABLES:
                if tables.have(table):
                    _delete(connection, path, table, report)
    for path in staged.own_agent_databases():
        with open_staged(staged.locate(path), path) as connection:
            if Tables(connection, path, report).have("conversation_deliveries", "status", "updated_at"):
                count = connection.execute(
                    "UPDATE conversation_deliveries SET status = 'unknown', updated_at = MAX(updated_at, ?) "
                    "WHERE status IN ('created', 'queued')", (now,)).rowcount
                _tell(report, path, "conversation_deliveries", count, "queued", "unknown")


def _hold_outbound(connection: sqlite3.Connection, path: str, report: EditReport) -> None:
    rows = connection.execute(
        "SELECT queue_name, COALESCE(channel, '?'), count(*) FROM delivery_queue_entries "
        "WHERE status NOT IN ('completed', 'failed') GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
    for queue, channel, count in rows:
        report.changes.append(Change("held", path, f"delivery_queue_entries.{queue}", f"{count} to be sent by {channel}", "not sent"))
    connection.execute("DELETE FROM delivery_queue_entries WHERE status NOT IN ('completed', 'failed')")
    count = connection.execute(
        "DELETE FROM delivery_queue_entries WHERE status = 'failed' AND recovery_state = 'settlement_pending'").rowcount
    _tell(report, path, "delivery_queue_entries", count, "to be settled", "not settled")


def _hold_inbound(connection: sqlite3.Connection, path: str, now: int, report: EditReport) -> None:
    """Received and not answered. OpenClaw keeps failed ones and shows them; a person can have them answered after all."""
    rows = connection.execute(
        "SELECT channel_id, count(*) FROM channel_ingress_events WHERE status IN ('pending', 'claimed') GROUP BY 1 ORDER BY 1").fetchall()
    for channel, count in rows:
        report.changes.append(Change("held", path, "channel_ingress_events", f"{count} received by {channel} to be answered", "failed"))
    connection.execute(
        "UPDATE channel_ingress_events SET status = 'failed', failed_reason = ?, failed_at = ?, updated_at = ?, claim_token = NULL, "
        "claim_owner = NULL, claimed_at = NULL WHERE status IN ('pending', 'claimed')", (HELD_REASON, now, now))


def settle_turns(staged: Staged, now: int, report: EditReport) -> None:
    """Turns, subagents and tasks that were under way end here instead of being taken up. EngineError "edit-failed"."""
    path = staged.own_state_database()
    if path:
        with open_staged(staged.locate(path), path) as connection:
            _settle_tasks(connection, path, now, report)
    for path in staged.own_agent_databases():
        with open_staged(staged.locate(path), path) as connection:
            tables = Tables(connection, path, report)
            if tables.have("session_nodes", "session_key", "entry_json", "status"):
                valid = valid_sessions(connection)
                _settle_sessions(connection, path, report)
                mark_valid(connection, valid)
            if tables.have("session_windows", "status"):
                connection.execute("UPDATE session_windows SET status = 'failed' WHERE status = 'running'")
            if tables.have("session_pending_inputs", "state"):
                count = connection.execute("UPDATE session_pending_inputs SET state = 'cancelled' WHERE state = 'queued'").rowcount
                _tell(report, path, "session_pending_inputs", count, "queued", "cancelled")


def _settle_tasks(connection: sqlite3.Connection, path: str, now: int, report: EditReport) -> None:
    tables = Tables(connection, path, report)
    if tables.have("task_runs", "status", "delivery_status", "ended_at", "error"):
        count = connection.execute(
            "UPDATE task_runs SET status = 'lost', ended_at = ?, error = ? WHERE status IN ('queued', 'running')",
            (now, HELD_REASON)).rowcount
        _tell(report, path, "task_runs", count, "running", "lost")
        count = connection.execute(
            "UPDATE task_runs SET delivery_status = 'dismissed' WHERE delivery_status IN ('pending', 'session_queued')").rowcount
        _tell(report, path, "task_runs", count, "to be told", "not told")
    if tables.have("flow_runs", "status", "ended_at", "updated_at", "revision"):
        marks = ", ".join("?" * len(_UNFINISHED_FLOWS))
        count = connection.execute(
            f"UPDATE flow_runs SET status = 'lost', ended_at = ?, updated_at = ?, revision = revision + 1 WHERE status IN ({marks})",
            (now, now, *_UNFINISHED_FLOWS)).rowcount
        _tell(report, path, "flow_runs", count, "unfinished", "lost")
    if tables.have("subagent_runs"):
        _delete(connection, path, "subagent_runs", report)


def _settle_sessions(connection: sqlite3.Connection, path: str, report: EditReport) -> None:
    for key, status, text in connection.execute("SELECT session_key, status, entry_json FROM session_nodes").fetchall():
        entry = json_object(text)
        if entry is None or not settle_entry(entry):
            continue
        connection.execute(
            "UPDATE session_nodes SET entry_json = ?, status = ? WHERE session_key = ?",
            (json_text(entry), "failed" if status == "running" else status, key))
        report.changes.append(Change("held", path, f"session {key}", "to be taken up again", entry.get("status", "idle")))


def settle_entry(entry: dict) -> bool:
    """Make a session's entry, of any release, one that nothing is under way in. Whether there was anything to do."""
    running = entry.get("status") == "running"
    if not running and entry.get("abortedLastRun") is not True and not any(entry.get(name) for name in _TO_BE_TAKEN_UP):
        return False
    for name in [name for name in entry if name in _UNDER_WAY or name.startswith(_RECOVERY) and not name.startswith(_RECEIPTS)]:
        del entry[name]
    if running:
        entry["status"] = "failed"
        entry["endedAt"] = entry.get("endedAt") or entry.get("updatedAt") or 0
    return True


def _delete(connection: sqlite3.Connection, path: str, table: str, report: EditReport) -> None:
    _tell(report, path, table, connection.execute(f"DELETE FROM {quoted(table)}").rowcount, "pending", "removed")


def _tell(report: EditReport, path: str, field: str, count: int, before: str, after: str) -> None:
    if count > 0:
        report.changes.append(Change("held", path, field, f"{count} {before}", after))
