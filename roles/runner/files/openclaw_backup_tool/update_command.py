# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""update: another OpenClaw under the agent, or everything as it was before."""
from __future__ import annotations

from openclaw_backup_engine import update
from openclaw_backup_engine.capture.locate import locate
from openclaw_backup_engine.inplace.plan import Where
from openclaw_backup_engine.options import BackupOptions

from . import exit_codes
from .outcome import Outcome
from .text import printable


def add(adder) -> None:
    """Declare the command."""
    parser = adder.command(
        "update", "install another OpenClaw, and go back to the old one and its state if it is not healthy", run, show, recorded=True,
        locks=True, reads=True)
    parser.add_argument(
        "--to", required=True, metavar="VERSION", help="a version, a tag (latest), or the path of a package's archive (.tgz)")
    parser.add_argument("--dry-run", action="store_true", help="show what is installed and how; change nothing")


def run(arguments, session) -> Outcome:
    """Update, or fail with all as it was."""
    made = update.plan(session.repository(), arguments.to, _options(session), _where(session), session.context)
    if arguments.dry_run:
        return Outcome({**made.to_dict(), "dry_run": True}, exit_codes.COMPLETE, "Nothing was changed")
    result = update.execute(made, session.context).to_dict()
    if not result["changed"]:
        return Outcome(result, exit_codes.UNCHANGED, f"OpenClaw {result['to']} is installed already")
    said = f"OpenClaw {result['to']} runs" if result["health"] else f"OpenClaw {result['to']} is installed; the gateway was not running"
    if result["omissions_count"]:
        return Outcome(result, exit_codes.OMISSIONS, f"{said}; the snapshot from before lacks {result['omissions_count']} entries")
    return Outcome(result, exit_codes.COMPLETE, said)


def undo_unfinished(session) -> bool:
    """Take back an update that was cut short. Whether there was one. EngineError of update.undo()."""
    if not update.unfinished(locate(session.instance_options(), session.context).state_dir):
        return False
    return update.undo(session.repository(), _options(session), _where(session), session.context)


def _options(session) -> BackupOptions:
    settings = session.settings
    return BackupOptions(
        include=settings.include, exclude=settings.exclude, kind="pre-update", gateway=settings.gateway)


def _where(session) -> Where:
    return Where(session.instance_options(), session.storage_options(), session.encryption_options())


def show(report: dict) -> str:
    """What is installed now."""
    if report.get("dry_run"):
        found = report["installation"]
        return (f"OpenClaw {report['from']} in {printable(found['directory'])} ({found['method']}, of {found['owner']}), "
                f"Node {found['node'] or 'unknown'}; asked for: {printable(report['to'])}")
    lines = [f"{printable(report['msg'])}."]
    if report["changed"]:
        lines.append(f"  before: {report['from']}, snapshot {report['snapshot']}; the gateway was away for {report['downtime_s']:.1f}s")
    lines += [f"  to be logged in again: {printable(name)}" for name in report["channels_failing"]]
    return "\n".join(lines)
