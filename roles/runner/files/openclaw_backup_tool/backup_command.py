# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""now: make a snapshot."""
from __future__ import annotations

from openclaw_backup_engine import backup, channels, opening, source
from openclaw_backup_engine.capture.config_file import load_config
from openclaw_backup_engine.options import KINDS, SCOPES, BackupOptions
from openclaw_backup_engine.repository.repository import Repository

from . import exit_codes, keys_command
from .outcome import Outcome
from .text import moment, printable, size, span

_SHOWN = 20


def add(adder) -> None:
    """Declare the command."""
    parser = adder.command("now", "back up", run, show, operation="backup", recorded=True, locks=True)
    parser.add_argument("--force", action="store_true", help="make a snapshot even though nothing changed")
    parser.add_argument("--name", help="a name for the snapshot; named ones are never removed automatically")
    parser.add_argument("--note", default="", help="a remark, kept encrypted with the snapshot")
    parser.add_argument("--kind", choices=KINDS, default="manual", help="why it is made (default: manual)")
    parser.add_argument("--init", action="store_true", help="make the repository first, if this instance was never backed up here")
    parser.add_argument("--scope", choices=SCOPES, help="what it holds (default: what is configured)")


def run(arguments, session) -> Outcome:
    """Plan and store."""
    settings = session.settings
    if arguments.kind == "scheduled" and not settings.enabled:
        return Outcome({"skipped": True}, exit_codes.UNCHANGED, f"Scheduled backups of {session.name} are switched off")
    fenced = session.fence() if arguments.kind == "scheduled" else None
    if fenced:  # the repository belongs to the host that the agent is on now
        return Outcome({"skipped": True}, exit_codes.UNCHANGED, f"The gateway of {session.name} stays down: {fenced.sentence}")
    if arguments.init:
        keys_command.make_first_repository(session)
    options = BackupOptions(
        arguments.scope or settings.scope, settings.include, settings.exclude, arguments.kind, arguments.name, arguments.note,
        arguments.force, settings.consistency, settings.on_busy, settings.gateway)
    return back_up(session, options, lambda: open_repository(session))


def open_repository(session) -> Repository:
    """The instance's, for a backup. EngineError."""
    return opening.repository_of(session.name, session.storage_options(), session.encryption_options(), session.context)


def back_up(session, options: BackupOptions, repository_of) -> Outcome:
    """Plan and store. repository_of: opens the repository, or gives an open one."""
    storage, encryption, context = session.storage_options(), session.encryption_options(), session.context
    chosen = source.choose(session.instance_options(), options, storage, encryption, context)
    made = backup.plan(repository_of, chosen.source, options, context)
    result = backup.execute(made, context).to_dict()
    result["findings"] = [vars(finding) for finding in chosen.findings()]
    expected = channels.expectations(load_config(chosen.source.instance.config_path).data, stale=True)
    result["channels"] = [{"channel": one.channel, "survives": one.survives} for one in expected]
    if result["omissions"]:
        return Outcome(result, exit_codes.OMISSIONS, f"{len(result['omissions'])} entries that should be in the snapshot are missing")
    if not result["changed"]:
        return Outcome(result, exit_codes.UNCHANGED, f"Nothing changed since {result['snapshot']['id']}")
    return Outcome(result, exit_codes.COMPLETE, f"Snapshot {result['snapshot']['id']} made")


def show(report: dict) -> str:
    """What was stored, and what is missing."""
    if report.get("skipped"):
        return report["msg"] + "."
    made = report["snapshot"]
    if report["changed"]:
        name = f" ({printable(made['name'])})" if made["name"] else ""
        lines = [
            f"Snapshot {made['version']} {made['id']}{name}: {made['files']:,} files, {size(made['bytes'])}; "
            f"{size(made['bytes_stored'])} new in {span(made['duration_s']) if made['duration_s'] >= 1 else 'less than 1s'}"]
    else:
        lines = [f"Nothing changed since {made['version']} of {moment(made['created'])}; no snapshot was made"]
    lines += _gateway(report)
    lines += _listed("missing", [f"{item['path']}: {item['reason']}" for item in report["omissions"]])
    lines += _listed("damaged, stored as it is", [f"{item['path']}: {item['quick_check']}" for item in report["damaged_databases"]])
    return "\n".join(lines)


def _gateway(report: dict) -> list[str]:
    """How it was held still, where it was or should have been."""
    lines = []
    if report["consistency_reason"]:
        lines.append(f"  consistency: {report['consistency']}, since {printable(report['consistency_reason'])}")
    if report["downtime_s"]:
        lines.append(f"  the gateway took no new work for {report['downtime_s']:.1f}s")
    return lines


def _listed(what: str, texts: list[str]) -> list[str]:
    lines = [f"  {what}: {printable(text)}" for text in texts[:_SHOWN]]
    return lines + ([f"  … and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else [])
