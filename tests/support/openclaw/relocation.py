# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Move a stopped copy of a state to other paths, so that it neither works in the original's workspace nor loses its cron jobs.

Config text is rewritten by prefix; cron jobs are keyed by the absolute path of a file that no longer exists
(<state>/cron/jobs.json), and the gateway does not find them under another. A copy taken from a running gateway also holds that
gateway's leases; while it still runs on the same host, a second one refuses to start over them.
"""
from __future__ import annotations

import os
import sqlite3

LEASES = {"state_leases", "agent_database_leases"}


def move_paths(state_dir: str, moves: dict[str, str]) -> None:
    """Rewrite absolute paths in the config and the global database of the state at state_dir.

    moves: old path to new path, of the state directory and of everything outside it that moved too.
    """
    ordered = sorted(moves.items(), key=lambda move: -len(move[0]))
    for folder, _folders, names in os.walk(state_dir):
        for name in names:
            if folder == state_dir and name.startswith("openclaw.json"):
                _rewrite_text(os.path.join(folder, name), ordered)
        break
    database = os.path.join(state_dir, "state", "openclaw.sqlite")
    connection = sqlite3.connect(database)
    try:
        with connection:
            for old, new in ordered:
                for table in ("cron_jobs", "cron_run_receipts"):
                    connection.execute(
                        f"UPDATE {table} SET store_key = ? || substr(store_key, ?) WHERE substr(store_key, 1, ?) = ?",
                        (new + "/", len(old) + 2, len(old) + 1, old + "/"))
            for table in LEASES & {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}:
                connection.execute(f"DELETE FROM {table}")
    finally:
        connection.close()


def _rewrite_text(path: str, moves: list[tuple[str, str]]) -> None:
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    for number, (old, _new) in enumerate(moves):
        text = text.replace(old, f"\0{number}\0")  # so that no new path is taken for an old one
    for number, (_old, new) in enumerate(moves):
        text = text.replace(f"\0{number}\0", new)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
