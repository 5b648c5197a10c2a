# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command did to one instance, and the report that programs get of it. docs/tool.md describes each field."""
from __future__ import annotations

from dataclasses import dataclass, field

from openclaw_backup_engine.errors import EngineError

from . import exit_codes

_STATUS = {exit_codes.COMPLETE: "complete", exit_codes.OMISSIONS: "omissions", exit_codes.UNCHANGED: "unchanged"}


@dataclass
class Outcome:
    """The end of a command that did not fail. data: its result, JSON-native. exit_code: one that is no failure, or a finding's."""

    data: dict = field(default_factory=dict)
    exit_code: int = exit_codes.COMPLETE
    msg: str = ""


def report_of(instance: str | None, operation: str, outcome: Outcome) -> dict:
    """The report of a command that came to its end."""
    status = _STATUS.get(outcome.exit_code, "failed")
    return {
        "instance": instance, "operation": operation, "status": status, "exit_code": outcome.exit_code, "error_code": None,
        "msg": outcome.msg, "hint": "", **outcome.data}


def report_of_failure(instance: str | None, operation: str, exc: EngineError) -> dict:
    """The report of a command that failed. What it had done until then is in details."""
    return {
        "instance": instance, "operation": operation, "status": "failed", "exit_code": exit_codes.of_error(exc.code),
        "error_code": exc.code, "msg": exc.message, "hint": exc.hint, "details": exc.details}
