# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Cron jobs whose time came between the snapshot and now: they stay enabled and run the next time, not at once.

OpenClaw counts a run as missed when a job's nextRunAtMs has passed, or, for cron expressions, when a time of the schedule
lies between lastRunAtMs (or scheduleActivatedAtMs, if later) and now. Without nextRunAtMs it computes the next one. So the
first is taken out and scheduleActivatedAtMs set to now. A job for one moment that has passed has no next run: it is
disabled, and a person may run it.
"""
from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timezone

from .databases import json_object, json_text, open_staged
from .past import HELD_REASON, Tables
from .staged import Change, EditReport, Staged, read_text, write_text

_UNDER_WAY = ("queuedAtMs", "runningAtMs", "runningReceiptId", "runningScheduleChangeId")
_DUE = ("nextRunAtMs", "startupCatchupAtMs", "pacedNextRunAtMs", "forcePreservedNextRunAtMs")
_FILES = ("cron/jobs.json", "cron/jobs-state.json")


def skip_missed(staged: Staged, now: int, report: EditReport) -> None:
    """In the database and in the files of older releases. now: milliseconds. EngineError "edit-failed"."""
    path = staged.own_state_database()
    if path:
        with open_staged(staged.locate(path), path) as connection:
            tables = Tables(connection, path, report)
            if tables.have("cron_jobs", "job_id", "enabled", "job_json", "state_json"):
                _skip_rows(connection, path, now, report)
            if tables.have("cron_run_receipts", "status", "finished_at_ms", "error_text"):
                connection.execute(
                    "UPDATE cron_run_receipts SET status = 'interrupted', finished_at_ms = ?, error_text = ? WHERE status = 'running'",
                    (now, HELD_REASON))
    _skip_in_files(staged, now, report)


def _skip_rows(connection: sqlite3.Connection, path: str, now: int, report: EditReport) -> None:
    for row, job_id, enabled, job_text, state_text in connection.execute(
            "SELECT rowid, job_id, enabled, job_json, state_json FROM cron_jobs").fetchall():
        job, state = json_object(job_text), json_object(state_text)
        if job is None or state is None:
            continue
        found = skip_in_job(job, state, bool(enabled), now)
        if found is None:
            continue
        before, after = found
        connection.execute("UPDATE cron_jobs SET state_json = ? WHERE rowid = ?", (json_text(state), row))
        if after == "disabled":
            connection.execute("UPDATE cron_jobs SET enabled = 0, job_json = ? WHERE rowid = ?", (json_text(job), row))
        if before:
            report.changes.append(Change("held", path, f"cron job {job_id}", before, after))


def skip_in_job(job: dict, state: dict, enabled: bool, now: int) -> tuple[str, str] | None:
    """Change a job and its state so that it does nothing about the past. (before, after) for people; None: nothing to do.

    before is empty where only the moment is noted from which on runs count.
    """
    schedule = job.get("schedule")
    kind = schedule.get("kind") if isinstance(schedule, dict) else None
    under_way = [state.pop(name, None) for name in _UNDER_WAY]
    was_running = any(value is not None for value in under_way)
    due = enabled and any(_passed(state.get(name), now) for name in _DUE)
    if enabled and kind == "at" and (due or was_running or not state.get("lastRunAtMs") and _passed(_moment(schedule.get("at")), now)):
        _forget_times(state)
        job["enabled"] = False
        return f"was to run at {schedule.get('at')}", "disabled"
    if due:
        before = f"was to run at {_readable(state.get('nextRunAtMs'))}"
        _forget_times(state)
    elif was_running:
        before = "was running"
        _forget_times(state)
    else:
        before = ""
    if enabled and kind == "cron" and not _passed(now, state.get("scheduleActivatedAtMs") or 0):
        state["scheduleActivatedAtMs"] = now
        return before, "runs the next time"
    return (before, "runs the next time") if before else None


def _forget_times(state: dict) -> None:
    for name in _DUE:
        state.pop(name, None)


def _passed(moment, now) -> bool:
    numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (moment, now))
    return numbers and moment <= now


def _moment(text) -> float | None:
    """Milliseconds of the moment of a job that runs once: ISO 8601, or a number of milliseconds."""
    if isinstance(text, str) and text.strip().isdigit():
        return float(text)
    try:
        moment = datetime.fromisoformat(str(text).strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() * 1000


def _readable(moment) -> str:
    try:
        return datetime.fromtimestamp(moment / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError, OSError):
        return "an earlier time"


def _skip_in_files(staged: Staged, now: int, report: EditReport) -> None:
    """Releases before 2026.7: jobs with their state in one file, or the states in a second one by the job's id."""
    path, states_path = (f"{staged.state_dir}/{name}" for name in _FILES)
    value, states = (_read(staged, one) for one in (path, states_path))
    jobs = value.get("jobs") if value else None
    if not isinstance(jobs, list) or path in staged.sources:
        return
    apart = states.get("jobs") if states and isinstance(states.get("jobs"), dict) else {}
    changed = False
    for job in jobs:
        if not isinstance(job, dict):
            continue
        entry = apart.get(str(job.get("id")))
        holder = entry if isinstance(entry, dict) else job
        if not isinstance(holder.get("state"), dict):
            holder["state"] = {}
        found = skip_in_job(job, holder["state"], job.get("enabled", True) is True, now)
        changed = changed or found is not None
        if found and found[0]:
            report.changes.append(Change("held", path, f"cron job {job.get('id')}", *found))
    if changed:
        write_text(staged.locate(path), json.dumps(value, ensure_ascii=False, indent=2) + "\n")
        if states:
            write_text(staged.locate(states_path), json.dumps(states, ensure_ascii=False, indent=2) + "\n")


def _read(staged: Staged, path: str) -> dict | None:
    place = staged.locate(path)
    return json_object(read_text(place)) if place else None
