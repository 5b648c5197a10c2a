# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Relocation of databases: every cell of OpenClaw's own tables that is a path, and every path in its JSON.

By rule, not by a list of columns, so that tables of other releases are covered: a text that is one path as a whole, and
such texts within JSON. Cron jobs are rewritten inside of longer texts too, since commands and instructions name paths.
Conversations stay as they are: they are what was said. So does what is only a record of the past.
"""
from __future__ import annotations

import json
import sqlite3

from .databases import columns_of, json_text, mark_valid, open_staged, quoted, tables_of, valid_sessions
from .path_text import PathText
from .relocate_files import path_key
from .staged import Change, EditReport, Staged, Unmapped

QUARANTINE_DATABASE = "state/openclaw-quarantine.sqlite"
# Records of what was: written, never acted upon. The conversations of an agent's database are in none of the lists.
_RECORDS = (
    "audit_", "backup_runs", "capture_", "diagnostic_events", "migration_", "schema_meta", "session_state_events", "meeting_transcript_",
    "plugin_blob_entries", "skill_upload", "worktree_provisioned_file_chunks")
_AGENT_TABLES = ("session_nodes", "session_windows", "acp_parent_stream_events", "auth_profile_store", "auth_profile_state")
_WITHIN_TEXTS = {("cron_jobs", "job_json"), ("cron_jobs", "schedule_identity"), ("cron_jobs", "state_json")}
# Tables keyed by the hash of a workspace's path: (table, column of the path, columns of the hash).
_HASHED = (
    ("workspace_setup_state", "workspace_path", "workspace_key"), ("workspace_path_aliases", "workspace_path", "workspace_key"),
    ("workspace_path_aliases", "alias_path", "alias_key"))
_HASHES = "workspace_generated_bootstrap_hashes"


def relocate_databases(staged: Staged, texts: PathText, report: EditReport) -> None:
    """Rewrite the global database, the quarantine's, and the sessions of each agent's. EngineError "edit-failed"."""
    for path in (staged.state_database(), f"{staged.state_dir}/{QUARANTINE_DATABASE}"):
        if path and path in staged.files(path.rpartition("/")[0]):
            with open_staged(staged.locate(path), path) as connection:
                _Relocator(connection, path, texts, report).run(
                    table for table in tables_of(connection) if not table.startswith(_RECORDS))
    for path in staged.agent_databases():
        with open_staged(staged.locate(path), path) as connection:
            valid = valid_sessions(connection)
            _Relocator(connection, path, texts, report).run(table for table in tables_of(connection) if table in _AGENT_TABLES)
            mark_valid(connection, valid)


class _Relocator:
    """One database."""

    def __init__(self, connection: sqlite3.Connection, path: str, texts: PathText, report: EditReport) -> None:
        self._connection, self._path, self._texts, self._report = connection, path, texts, report

    def run(self, tables) -> None:
        rehashed = self._moved_keys()
        for table in sorted(tables):
            for column in columns_of(self._connection, table):
                self._rewrite_column(table, column)
        for table, column, old, new in rehashed:
            self._connection.execute(f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {column} = ?", (new, old))

    def _rewrite_column(self, table: str, column: str) -> None:
        name, key = quoted(column), self._key(table)
        prefixes = [old for old, new in self._texts.moves if old != new]
        wanted = " OR ".join(f"instr({name}, ?)" for _prefix in prefixes) or "0"
        rows = self._connection.execute(
            f"SELECT {key}, {name} FROM {quoted(table)} WHERE typeof({name}) = 'text' AND ({wanted})", prefixes).fetchall()
        for row, text in rows:
            new, pairs = self._rewritten(table, column, text)
            if not pairs:
                continue
            try:
                self._connection.execute(f"UPDATE {quoted(table)} SET {name} = ? WHERE {key} = ?", (new, row))
            except (sqlite3.IntegrityError, UnicodeEncodeError):  # the gateway ran at the new place before, and has its own row there
                self._report.unmapped.append(
                    Unmapped(self._path, f"{table}.{column}", pairs[0][0], f"there is another row for {pairs[0][1]}"))
                continue
            if (table, column) == ("cron_jobs", "job_json"):
                self._void_grants(key, row)
            self._report.changes.extend(Change("path", self._path, f"{table}.{column}", *pair) for pair in dict.fromkeys(pairs))

    def _key(self, table: str) -> str:
        """What identifies a row. OpenClaw has no table without row numbers; such a one would be told by its first column."""
        try:
            self._connection.execute(f"SELECT rowid FROM {quoted(table)} LIMIT 1")
            return "rowid"
        except sqlite3.OperationalError:
            return quoted(columns_of(self._connection, table)[0])

    def _rewritten(self, table: str, column: str, text: str) -> tuple[str, list[tuple[str, str]]]:
        if (table, column) in _WITHIN_TEXTS:
            return self._texts.rewrite(text, quoted=True)
        if text[:1] in "{[":
            try:
                value, pairs = self._texts.whole_in_json(json.loads(text))
                return json_text(value), pairs
            except (ValueError, RecursionError):
                pass
        after = self._texts.whole(text)
        return after, [(text, after)] if after != text else []

    def _void_grants(self, key: str, row) -> None:
        """A job whose definition has changed has to be granted its standing approvals anew: OpenClaw's rule when it edits one."""
        if "grant_definition_revision" in columns_of(self._connection, "cron_jobs"):
            self._connection.execute(
                "UPDATE cron_jobs SET grant_definition_revision = NULL, grant_definition_updated_at = NULL, "
                f"grant_definition_generation = COALESCE(grant_definition_generation, 0) + 1 WHERE {key} = ?", (row,))

    def _moved_keys(self) -> list[tuple[str, str, str, str]]:
        """(table, column, key, new key) where a key is the hash of a path that moves; to be asked before paths are rewritten."""
        moved = []
        present = tables_of(self._connection)
        for table, path_column, key_column in _HASHED:
            if table not in present:
                continue
            rows = self._connection.execute(f"SELECT DISTINCT {path_column}, {key_column} FROM {table} WHERE {path_column} IS NOT NULL")
            for path, key in rows.fetchall():
                new = path_key(self._texts.whole(path))
                if key == path_key(path) != new:
                    moved.append((table, key_column, key, new))
                    if table == "workspace_setup_state" and _HASHES in present:
                        moved.append((_HASHES, key_column, key, new))
        return moved
