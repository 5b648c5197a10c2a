# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Cron jobs and sessions of a snapshot merged into the live state, instead of taking its place.

What is staged becomes the live database, or the live files, with what is added from the snapshot; then it is swapped in like
anything else. So it is done while the gateway is stopped, and after apply(): staged paths are this host's already.

Cron jobs: a job that only the live state has stays; of one that both have, the snapshot's definition counts and the live
state's record of its runs; one that only the snapshot has comes back. Sessions: one that the live state has stays as it is,
since the two histories of one conversation cannot be joined; one that it no longer has comes back whole.
"""
from __future__ import annotations

import os
import shutil
import sqlite3

from ..capture import sqlite
from ..capture.layout import STATE_DATABASE
from ..errors import EngineError
from .anchors import forget_fingerprint
from .databases import columns_of, copy_database, json_object, json_text, mark_valid, open_staged, quoted, tables_of, valid_sessions
from .past import settle_entry
from .past_cron import skip_in_job
from .staged import Change, EditReport, Staged

SCRATCH = ".merged-from"
_RUN_COLUMNS = ("state_json", "runtime_updated_at_ms")  # of a cron job: what its runs have left
_DUE = ("nextRunAtMs", "startupCatchupAtMs", "pacedNextRunAtMs", "forcePreservedNextRunAtMs")
# What belongs to one session in an agent's database; indexes for searching are built again, queues and receipts stay behind.
_BY_KEY = ("session_nodes", "session_members", "session_participants", "board_tabs", "board_widgets", "session_progress_cards")
_BY_ID = (
    "session_windows", "transcript_events", "transcript_event_identities", "session_transcript_index_state",
    "session_transcript_active_events", "transcript_rewrite_watermarks", "session_transcript_cold_archives", "trajectory_runtime_events")


def merge_cron(staged: Staged, live_state_dir: str, now: int | None, jobs: bool = True, forget: bool = False) -> list[Change]:
    """Make the staged global database the live one, with the snapshot's cron jobs. Nothing without both databases.

    now: milliseconds; jobs that come back do not make up for runs until then. None: they do. jobs False: no job is merged. forget: the
    live database's fingerprint of the config is forgotten, since another config is restored (anchors.py).
    EngineError: "merge-unlike" (the two are of releases that differ in this), "edit-failed".
    """
    path = staged.state_database()
    live = f"{live_state_dir}/{STATE_DATABASE}"
    if not path or not os.path.isfile(live):
        return []
    report = EditReport()
    with _onto_live(staged.locate(path), path, live) as (connection, snapshot):
        if jobs:
            _require_alike(connection, snapshot, ("cron_jobs", "cron_job_scratch"))
            _merge_jobs(connection, snapshot, path, now, report.changes)
        if forget:
            forget_fingerprint(connection, path, report)
    return report.changes


def merge_sessions(staged: Staged, live_state_dir: str, settle: bool = True) -> list[Change]:
    """Make each staged agent database that is a source the live one, with the sessions that only the snapshot has.

    settle: turns that were under way in them end. EngineError as above.
    """
    changes: list[Change] = []
    for path in staged.agent_databases():
        live = live_state_dir + path[len(staged.state_dir):] if path.startswith(staged.state_dir + "/") else path
        if path not in staged.sources or not os.path.isfile(live):
            continue
        with _onto_live(staged.locate(path), path, live) as (connection, snapshot):
            _require_alike(connection, snapshot, (*_BY_KEY, *_BY_ID, "session_conversations", "conversations"))
            _merge_missing_sessions(connection, snapshot, path, settle, changes)
    return changes


class _onto_live:  # pylint: disable=invalid-name  # used as a word, in a with statement
    """The staged database put aside, a copy of the live one in its place with the same owner and mode: (that one, the snapshot's)."""

    def __init__(self, place: str, path: str, live: str) -> None:
        self._place, self._path, self._live = place, path, live

    def __enter__(self) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        self._scratch = f"{self._place}{SCRATCH}"
        shutil.rmtree(self._scratch, ignore_errors=True)
        status = os.lstat(self._place)
        os.mkdir(self._scratch, 0o700)
        try:
            aside = f"{self._scratch}/snapshot.sqlite"
            os.rename(self._place, aside)
            copy_database(self._live, self._place)
            os.chmod(self._place, status.st_mode & 0o7777)
            if os.geteuid() == 0:
                os.chown(self._place, status.st_uid, status.st_gid)
            self._snapshot = sqlite.connect(aside, "mode=rw")
            self._open = open_staged(self._place, self._path)
            return self._open.__enter__(), self._snapshot
        except BaseException:
            shutil.rmtree(self._scratch, ignore_errors=True)
            raise

    def __exit__(self, *exception) -> None:
        try:
            self._open.__exit__(*exception)
        finally:
            self._snapshot.close()
            shutil.rmtree(self._scratch, ignore_errors=True)


def _require_alike(connection: sqlite3.Connection, snapshot: sqlite3.Connection, tables: tuple[str, ...]) -> None:
    here, there = tables_of(connection), tables_of(snapshot)
    for table in tables:
        if (table in here) != (table in there) or table in here and columns_of(connection, table) != columns_of(snapshot, table):
            raise EngineError(
                "merge-unlike", f"The snapshot and this host's state cannot be merged: their releases of OpenClaw keep {table} differently",
                "Restore the whole state with the snapshot's version, or to a directory (target), and take over by hand what you need.",
                {"table": table})


def _merge_jobs(connection: sqlite3.Connection, snapshot: sqlite3.Connection, path: str, now: int | None, changes: list[Change]) -> None:
    columns = columns_of(connection, "cron_jobs")
    rows = [dict(zip(columns, row)) for row in snapshot.execute("SELECT * FROM cron_jobs ORDER BY sort_order, job_id").fetchall()]
    for row in rows:
        where = (row["store_key"], row["job_id"])
        if row.get("declaration_key") and connection.execute(
                "SELECT 1 FROM cron_jobs WHERE store_key = ? AND declaration_key = ? AND job_id <> ?",
                (row["store_key"], row["declaration_key"], row["job_id"])).fetchone():
            continue  # one of OpenClaw's own, which the live state has under another id
        found = connection.execute("SELECT * FROM cron_jobs WHERE store_key = ? AND job_id = ?", where).fetchone()
        if found:
            before = dict(zip(columns, found))
            if all(before[name] == row[name] for name in ("job_json", "enabled")):
                continue
            row.update({name: before[name] for name in _RUN_COLUMNS if name in columns})
            row["state_json"] = json_text(without_next_run(json_object(row["state_json"])))
            connection.execute("DELETE FROM cron_jobs WHERE store_key = ? AND job_id = ?", where)
        if now is not None:
            _skip_past(row, now)
        _insert(connection, "cron_jobs", columns, [tuple(row.values())])
        changes.append(Change("merged", path, f"cron job {row['job_id']}", "of this host" if found else "absent", "of the snapshot"))
        if "cron_job_scratch" in tables_of(connection) and not found:
            scratch = columns_of(connection, "cron_job_scratch")
            _insert(connection, "cron_job_scratch", scratch, snapshot.execute(
                "SELECT * FROM cron_job_scratch WHERE store_key = ? AND job_id = ?", where).fetchall())


def _skip_past(row: dict, now: int) -> None:
    job, state = json_object(row["job_json"]), json_object(row["state_json"])
    if job is not None and state is not None and skip_in_job(job, state, bool(row["enabled"]), now):
        row.update(state_json=json_text(state))
        if job.get("enabled") is False and row["enabled"]:
            row.update(enabled=0, job_json=json_text(job))


def without_next_run(state) -> dict:
    """A job's state without when it runs next: its schedule may be another one now, and OpenClaw computes that anew."""
    return {name: value for name, value in state.items() if name not in _DUE} if isinstance(state, dict) else {}


def _merge_missing_sessions(connection: sqlite3.Connection, snapshot: sqlite3.Connection, path: str, settle: bool,
                            changes: list[Change]) -> None:
    here = {key for (key,) in connection.execute("SELECT session_key FROM session_nodes").fetchall()}
    ids_here = {found for (found,) in connection.execute("SELECT session_id FROM session_windows").fetchall()}
    valid = set(valid_sessions(snapshot))
    for (key,) in snapshot.execute("SELECT session_key FROM session_nodes ORDER BY session_key").fetchall():
        ids = [found for (found,) in snapshot.execute("SELECT session_id FROM session_windows WHERE session_key = ?", (key,)).fetchall()]
        if key in here or ids_here.intersection(ids):
            continue
        for table in (table for table in _BY_KEY if table in tables_of(snapshot)):
            _copy(connection, snapshot, table, "session_key", key)
        for one in ids:
            _copy_conversations(connection, snapshot, one)
            for table in (table for table in _BY_ID if table in tables_of(snapshot)):
                _copy(connection, snapshot, table, "session_id", one)
            connection.execute("UPDATE session_transcript_index_state SET needs_rebuild = 1 WHERE session_id = ?", (one,))
        if settle:
            _settle(connection, key)
        if key in valid:
            mark_valid(connection, [key])
        changes.append(Change("merged", path, f"session {key}", "absent", "of the snapshot"))


def _settle(connection: sqlite3.Connection, key: str) -> None:
    """End the turn that was under way in a session that came back."""
    (text,) = connection.execute("SELECT entry_json FROM session_nodes WHERE session_key = ?", (key,)).fetchone()
    entry = json_object(text)
    if entry is not None and settle_entry(entry):
        connection.execute("UPDATE session_nodes SET entry_json = ? WHERE session_key = ?", (json_text(entry), key))
    for table in ("session_nodes", "session_windows"):
        if "status" in columns_of(connection, table):
            connection.execute(f"UPDATE {table} SET status = 'failed' WHERE session_key = ? AND status = 'running'", (key,))


def _copy(connection: sqlite3.Connection, snapshot: sqlite3.Connection, table: str, column: str, value: str) -> None:
    columns = columns_of(snapshot, table)
    _insert(connection, table, columns, snapshot.execute(f"SELECT * FROM {quoted(table)} WHERE {quoted(column)} = ?", (value,)))


def _copy_conversations(connection: sqlite3.Connection, snapshot: sqlite3.Connection, session_id: str) -> None:
    """Whom a session is with. Left out where the live state knows the same peer under another id: the next message links them anew."""
    if "session_conversations" not in tables_of(snapshot):
        return
    columns, links = columns_of(snapshot, "conversations"), columns_of(snapshot, "session_conversations")
    for row in snapshot.execute("SELECT * FROM session_conversations WHERE session_id = ?", (session_id,)).fetchall():
        link = dict(zip(links, row))
        known = snapshot.execute("SELECT * FROM conversations WHERE conversation_id = ?", (link["conversation_id"],)).fetchone()
        if known:
            connection.execute(_insertion("conversations", columns, "INSERT OR IGNORE"), known)
        if connection.execute("SELECT 1 FROM conversations WHERE conversation_id = ?", (link["conversation_id"],)).fetchone():
            _insert(connection, "session_conversations", links, [row])


def _insert(connection: sqlite3.Connection, table: str, columns: list[str], rows) -> None:
    connection.executemany(_insertion(table, columns), rows)


def _insertion(table: str, columns: list[str], verb: str = "INSERT") -> str:
    return f"{verb} INTO {quoted(table)} ({', '.join(quoted(name) for name in columns)}) VALUES ({', '.join('?' * len(columns))})"
