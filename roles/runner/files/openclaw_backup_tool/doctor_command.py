# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""doctor: look for what would make a backup or a restore fail, before it does."""
from __future__ import annotations

from openclaw_backup_engine.errors import EngineError

from . import doctor_checks, exit_codes
from .doctor_checks import ERROR, OK, WARNING
from .outcome import Outcome
from .text import printable, table

_MARKS = {OK: "ok", WARNING: "warning", ERROR: "ERROR"}


def add(adder) -> None:
    """Declare the command."""
    parser = adder.command("doctor", "look for what would make a backup or a restore fail", run, show)
    parser.add_argument("--no-probe", action="store_true", help="do not try with throw-away objects what the storage supports")


def run(arguments, session) -> Outcome:
    """Make every check; what one of them finds does not keep the others from looking."""
    findings, codes = [], []
    for name, check in doctor_checks.CHECKS:
        try:
            for finding in check(session, not arguments.no_probe):
                findings.append({"check": name, **finding.to_dict()})
        except EngineError as exc:
            codes.append(exit_codes.of_error(exc.code))
            said = {"level": ERROR, "message": session.in_words(exc.message), "hint": session.in_words(exc.hint), "error_code": exc.code}
            findings.append({"check": name, **said})
    if any(one["level"] == ERROR and not one["error_code"] for one in findings):
        codes.append(exit_codes.FAILED)
    counts = {level: sum(one["level"] == level for one in findings) for level in _MARKS}
    msg = f"{counts[ERROR]} errors, {counts[WARNING]} warnings"
    return Outcome({"findings": findings, "counts": counts}, codes[0] if codes else exit_codes.COMPLETE, msg)


def show(report: dict) -> str:
    """A line for each finding, and what to do below those that need it."""
    rows = [(one["check"], _MARKS[one["level"]], one["message"]) for one in report["findings"]]
    lines = table(("CHECK", "", "FINDING"), rows).splitlines()
    shown = lines[:1]
    for line, one in zip(lines[1:], report["findings"]):
        shown.append(line)
        if one["hint"]:
            shown.append(f"    {printable(one['hint'])}")
    return "\n".join([*shown, report["msg"]])
