# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The same as past.py for what lies in files: queues and sessions of releases before 2026.7, and what a process left behind."""
from __future__ import annotations

import json
import os
import stat

from ..capture.layout import TRANSIENT_DATABASE
from ..capture.paths import inside
from ..capture.sqlite import database_of
from .databases import json_object, open_staged, tables_of
from .past import settle_entry
from .staged import Change, EditReport, Staged, read_text, write_text

_QUEUES = ("delivery-queue", "session-delivery-queue")  # what failed lies in directories below them and stays
_RESTART_FILES = ("restart-sentinel.json",)
_RUNS = "subagents/runs.json"
_LEASES = ("state_leases", "agent_database_leases")
_LEFT_BEHIND = (".lock", ".pid", ".sock")
_BROWSER_LOCKS = ("SingletonLock", "SingletonCookie", "SingletonSocket")
_NOT_SEARCHED = ("workspace", "media", "npm", "skills", "cache", "worktrees")  # nothing of a process of OpenClaw's own


def hold_queue_files(staged: Staged, report: EditReport) -> None:
    """Take queued messages out of the files that hold them. OSError."""
    for queue in _QUEUES:
        paths = staged.files(f"{staged.state_dir}/{queue}", ".json")
        for path in paths:
            os.unlink(staged.locate(path))
        if paths:
            report.changes.append(Change("held", f"{staged.state_dir}/{queue}", "", f"{len(paths)} to be sent", "not sent"))
    for name in _RESTART_FILES:
        _remove(staged, f"{staged.state_dir}/{name}", "held", report)


def settle_session_files(staged: Staged, report: EditReport) -> None:
    """End the turns that were under way, in sessions.json of each agent. OSError."""
    agents = staged.locate(f"{staged.state_dir}/agents")
    for agent in sorted(os.listdir(agents)) if agents and os.path.isdir(agents) else ():
        for path in staged.files(f"{staged.state_dir}/agents/{agent}/sessions", "sessions.json"):
            sessions = json_object(read_text(staged.locate(path))) if path not in staged.sources else None
            settled = [key for key, entry in (sessions or {}).items() if isinstance(entry, dict) and settle_entry(entry)]
            if settled:
                write_text(staged.locate(path), json.dumps(sessions, ensure_ascii=False, indent=2))
            report.changes.extend(Change("held", path, f"session {key}", "to be taken up again", "idle") for key in settled)
    _remove(staged, f"{staged.state_dir}/{_RUNS}", "held", report)


def remove_left_behind(staged: Staged, report: EditReport) -> None:
    """Locks, leases, sockets and process ids of a process that is not here. EngineError "edit-failed", OSError."""
    path = staged.own_state_database()
    if path:
        with open_staged(staged.locate(path), path) as connection:
            for table in sorted(tables_of(connection).intersection(_LEASES)):
                count = connection.execute(f"DELETE FROM {table}").rowcount
                if count > 0:
                    report.changes.append(Change("removed", path, table, f"{count} leases", ""))
    base = staged.locate(staged.state_dir)
    if base is None or not os.path.isdir(base):
        return
    workspaces = staged.roots("workspace")
    for folder, directories, names in os.walk(base):
        here = staged.state_dir + folder[len(base):]
        directories[:] = [name for name in directories if not name.startswith(_NOT_SEARCHED if folder == base else ())
                          and not any(inside(f"{here}/{name}", workspace) for workspace in workspaces)]
        for name in names:
            if _is_left_behind(f"{folder}/{name}", name):
                os.unlink(f"{folder}/{name}")
                report.changes.append(Change("removed", f"{here}/{name}"))


def _is_left_behind(place: str, name: str) -> bool:
    if name in _BROWSER_LOCKS or stat.S_ISSOCK(os.lstat(place).st_mode):
        return True
    is_transient = TRANSIENT_DATABASE.fullmatch(database_of(name) or name)
    return name.endswith(_LEFT_BEHIND) and not os.path.islink(place) or bool(is_transient)


def _remove(staged: Staged, path: str, kind: str, report: EditReport) -> None:
    if path in staged.files(path.rpartition("/")[0]):
        os.unlink(staged.locate(path))
        report.changes.append(Change(kind, path, "", "pending", "removed"))
