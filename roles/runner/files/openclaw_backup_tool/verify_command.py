# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify: see that snapshots can be restored."""
from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace

from openclaw_backup_engine import verify
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.options import LEVELS

from . import exit_codes, proof_command
from .outcome import Outcome
from .text import printable, size, span

_SHOWN = 20


def add(adder) -> None:
    """Declare the command."""
    parser = adder.command(
        "verify", "see that snapshots can be restored", run_verify, show_verify, recorded=True, show_failure=show_problems)
    parser.add_argument("snapshot", nargs="?", help="latest, an id, vN, a name, all, or with --level boot random (default: latest)")
    parser.add_argument("--level", choices=(*LEVELS, proof_command.LEVEL), default="quick", help="quick: all objects are there; "
                        "data: content is read; restore: it is restored into a scratch directory; boot: and its gateway is booted there, "
                        "cut off from everything (default: quick)")
    parser.add_argument("--sample", type=float, default=100.0, metavar="PERCENT", help="how much --level data reads (default: 100)")
    parser.add_argument("--scratch", metavar="DIR", help="where --level restore restores to (default: the directory for temporary files), "
                        "and --level boot (default: memory)")
    proof_command.add_options(parser)


def run_verify(arguments, session) -> Outcome:
    """Choose and check."""
    if arguments.clean_up:
        return proof_command.clean_up(session)
    if arguments.level == proof_command.LEVEL:
        return proof_command.run(arguments, session)
    repository = session.repository()
    options = verify.VerifyOptions(arguments.level, arguments.snapshot or "latest", arguments.sample, tempfile.gettempdir())
    made = verify.plan(repository, options, session.context)
    scratch = _make_scratch(arguments.scratch) if arguments.level == "restore" else None
    made.options = replace(options, scratch=scratch)
    try:
        result = verify.execute(made, session.context).to_dict()
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(result, exit_codes.COMPLETE, f"{len(result['snapshots'])} snapshots verified, level {arguments.level}")


def _make_scratch(parent: str | None) -> str:
    parent = parent or tempfile.gettempdir()
    try:
        return tempfile.mkdtemp(prefix="openclaw-verify-", dir=parent)
    except OSError as exc:
        raise EngineError(
            "scratch-not-writable", f"No directory can be made in {parent}: {os.strerror(exc.errno or 0)}",
            "Name one with room for the whole snapshot with --scratch.") from exc


def show_verify(report: dict) -> str:
    """What was checked."""
    if report.get("level") in (None, proof_command.LEVEL):
        return proof_command.show(report)
    shown = report["snapshots"][0] if len(report["snapshots"]) == 1 else f"{len(report['snapshots'])} snapshots"
    lines = [f"{shown}: sound at level {report['level']} ({span(report['duration_s'])}, {size(report['bytes_read'])} read)"]
    if report["files_checked"]:
        lines.append(f"  {report['files_checked']:,} files and {report['databases_checked']:,} databases were restored and checked")
    return "\n".join(lines + [f"  {printable(note)}" for note in report["notes"]])


def show_problems(report: dict) -> str:
    """What is wrong, one line each."""
    if report["details"].get("level") == proof_command.LEVEL:
        return proof_command.show(report["details"])
    problems = report["details"].get("problems", [])
    lines = [f"  {one['snapshot']}  {printable(one['object'])}: {printable(one['message'])}" for one in problems[:_SHOWN]]
    return "\n".join(lines + ([f"  … and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []))
