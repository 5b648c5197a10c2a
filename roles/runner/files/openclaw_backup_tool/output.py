# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts reports on standard output and standard error: for people, or as JSON for programs."""
from __future__ import annotations

import json
import os
import sys

from openclaw_backup_engine import query
from openclaw_backup_engine.errors import EngineError

from . import exit_codes
from .outcome import report_of_failure
from .text import printable

RED, YELLOW, BOLD, RESET = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"


def show(arguments, reports: list[dict], several: bool, expression) -> int:
    """Show what came of a command; gives the exit status."""
    status = exit_codes.combined(report["exit_code"] for report in reports)
    if expression is not None:
        return _show_query(reports, several, expression, status)
    if arguments.json or arguments.query:
        _print_json({"exit_code": status, "instances": reports} if several else reports[0])
        return status
    for number, report in enumerate(reports):
        if several:
            print(("\n" if number else "") + styled(report["instance"], BOLD, arguments, sys.stdout))
        if report["error_code"]:
            complain(report, arguments)
            detail = arguments.show_failure(report) if arguments.show_failure else ""
            if detail:
                print(detail)
        else:
            print(arguments.show(report))
    sys.stdout.flush()
    return status


def complain(report: dict, arguments) -> None:
    """A failure in one line, and what to do in the next."""
    sys.stdout.flush()
    head = styled("openclaw-backup:", RED, arguments, sys.stderr)
    sys.stderr.write(f"{head} {printable(report['msg'])} [{report['error_code']}]\n")
    if report["hint"]:
        sys.stderr.write(f"  {printable(report['hint'])}\n")


def styled(text: str, style: str, arguments, stream) -> str:
    """Text in a colour, where a person sees it who wants that."""
    if arguments.plain or os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return f"{style}{text}{RESET}"


def _show_query(reports: list[dict], several: bool, expression, status: int) -> int:
    try:
        _print_json(query.search(expression, {"exit_code": status, "instances": reports} if several else reports[0]))
    except EngineError as exc:
        report = report_of_failure(None, "query", exc)
        _print_json(report)
        return status if status >= exit_codes.FAILED else report["exit_code"]
    for report in reports:
        if report["error_code"]:
            sys.stderr.write(f"openclaw-backup: {printable(report['msg'])} [{report['error_code']}]\n")
    return status


def _print_json(value) -> None:
    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")
    sys.stdout.flush()
