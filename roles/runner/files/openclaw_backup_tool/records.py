# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of the last run of each operation, one small JSON file each: what status, notifications and metrics read."""
from __future__ import annotations

import os

from openclaw_backup_engine.errors import EngineError

from . import small_file

FIELDS = (
    "operation", "started", "ended", "exit_code", "status", "error_code", "msg", "hint", "snapshot", "channels", "consistency",
    "consistency_reason", "downtime_s", "drain_s", "stop_s", "start_s")


def path_of(directory: str, operation: str) -> str:
    """Where the result of an operation's last run is. directory: of the instance's state."""
    return os.path.join(directory, f"last-{operation}.json")


def read(directory: str, operation: str) -> dict | None:
    """The last result, or None where there is none that can be read."""
    return small_file.read_object(path_of(directory, operation))


def write(directory: str, report: dict) -> dict:
    """Keep the result of a run, and give what was written.

    failing_since: when the first of the failures in a row began. last_success: when the last run that did not fail began.
    EngineError "record-not-written".
    """
    before = read(directory, report["operation"]) or {}
    failed = report["status"] == "failed"
    if failed and "channels" in before:
        report = {**report, "channels": before["channels"]}
    record = {name: report.get(name) for name in FIELDS}
    record["failing_since"] = (before.get("failing_since") or report["started"]) if failed else None
    record["last_success"] = before.get("last_success") if failed else report["started"]
    try:
        small_file.replace_object(path_of(directory, report["operation"]), record)
    except OSError as exc:
        raise EngineError(
            "record-not-written", f"The result of this run cannot be kept in {directory}: {os.strerror(exc.errno or 0)}",
            "Make that directory writable, or name another one with --state.") from exc
    return record
