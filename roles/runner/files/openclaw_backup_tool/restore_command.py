# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""restore: into a directory, or over the live state. recover: end what a kill or a power cut has left half done."""
from __future__ import annotations

import os
import sys

from openclaw_backup_engine import restore
from openclaw_backup_engine.capture.accounts import host_name
from openclaw_backup_engine.capture.components import COMPONENTS
from openclaw_backup_engine.edits.apply import CHOICES, EditOptions
from openclaw_backup_engine.edits.partial import MERGED
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.inplace import confirm, execute, plan, recover
from openclaw_backup_engine.inplace.options import STARTS, VERSIONS, InPlaceOptions

from . import exit_codes, restore_text, update_command
from .outcome import Outcome


def add(adder) -> None:
    """Declare the commands."""
    parser = adder.command(
        "restore", "restore a snapshot over the live state, or into a directory", run_restore, restore_text.show, recorded=True,
        show_failure=restore_text.show_log, single=True, reads=True)
    parser.add_argument("snapshot", help="latest, an id, vN, or a name")
    parser.add_argument("--target", metavar="DIR", help="an empty or new directory to restore into; nothing else changes")
    parser.add_argument(
        "--path", action="append", default=[], metavar="PATH", help="only this, absolute or relative to the state directory")
    parser.add_argument(
        "--component", action="append", default=[], metavar="NAME", help=f"only this: {', '.join(COMPONENTS)}, agent:ID")
    place = parser.add_argument_group("over the live state")
    place.add_argument("--dry-run", action="store_true", help="show what would happen; change nothing")
    place.add_argument("--rehearse", action="store_true", help="stage and check it as a restore does, then remove that again")
    place.add_argument("--confirm", metavar="HOST", help="the name of this host, instead of being asked for it")
    place.add_argument("--no-snapshot", action="store_true", help="make no snapshot of the live state first")
    place.add_argument("--keep-aside", default="7d", metavar="TIME", help="how long the old state is kept (default: 7d)")
    place.add_argument("--start", choices=STARTS, default="auto", help="whether to start the gateway (default: as it was)")
    place.add_argument(
        "--version", choices=VERSIONS, default="keep", dest="version_step", help="where another OpenClaw made the snapshot (default: keep)")
    place.add_argument("--service-files", action="store_true", help="also units and environment files outside of the state directory")
    place.add_argument("--move", action="append", default=[], metavar="OLD=NEW", help="restore what was at a path to another one")
    place.add_argument(
        "--merge", action="append", default=[], choices=MERGED, help="bring back what is gone of this, into the live state")
    place.add_argument("--unfence", action="store_true", help="take a fence around the gateway away once the restored state is in place")
    place.add_argument("--force", action="store_true", help="also if the snapshot is in place already")
    place.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait so long for another run to end")
    for name, choices in CHOICES.items():
        place.add_argument(f"--{name.replace('_', '-')}", choices=choices, default=getattr(EditOptions(), name))
    adder.command(
        "recover", "end a restore or an update that was cut short, and remove old states whose time is over", run_recover,
        restore_text.show_recovered, recorded=True, reads=True)


def run_restore(arguments, session) -> Outcome:
    """Into a directory, or over the live state."""
    return _extract(arguments, session) if arguments.target else _in_place(arguments, session)


def _extract(arguments, session) -> Outcome:
    options = restore.RestoreOptions(
        arguments.snapshot, os.path.abspath(arguments.target), tuple(arguments.path), tuple(arguments.component))
    made = restore.plan(session.repository(), options, session.context)
    result = restore.execute(made, session.context).to_dict()
    if result["omissions"]:
        return Outcome(result, exit_codes.OMISSIONS, f"The snapshot lacks {len(result['omissions'])} entries of what was restored")
    if not result["changed"]:
        return Outcome(result, exit_codes.UNCHANGED, f"{result['target']} holds this already")
    return Outcome(result, exit_codes.COMPLETE, f"Restored to {result['target']}")


def _in_place(arguments, session) -> Outcome:
    if not arguments.dry_run:
        session.take_lock(arguments.wait)
        _recover(session, start=False)
    session.context.recover_command = _again(arguments, session)
    where = plan.Where(session.instance_options(), session.storage_options(), session.encryption_options())
    made = plan.plan(session.repository(), _options(arguments, session.settings), where, session.context)
    planned = made.to_dict()
    if arguments.dry_run:
        shown = {"changed": made.changed, "dry_run": True, "plan": planned, "lines": restore_text.plan_text(planned).splitlines()}
        return Outcome(shown, exit_codes.COMPLETE, "Nothing was changed")
    if arguments.rehearse:
        result = {**execute.rehearse(made, session.context).to_dict(), "dry_run": True}
        return Outcome(result, exit_codes.COMPLETE, "It could be restored; nothing was changed")
    if made.changed:
        _confirm(arguments, planned)
    result = {**execute.execute(made, session.context).to_dict(), "dry_run": False}
    if not result["changed"]:
        return Outcome(result, exit_codes.UNCHANGED, f"Snapshot {planned['snapshot']} is in place already")
    if result["omissions"]:
        return Outcome(result, exit_codes.OMISSIONS, f"The snapshot lacks {len(result['omissions'])} entries of what was restored")
    return Outcome(result, exit_codes.COMPLETE, f"Snapshot {planned['snapshot']} is in place")


def _again(arguments, session) -> tuple[str, ...]:
    """The command that recovers this instance with the same configuration; run by root's service manager, or this user's."""
    places = [f"--config={os.path.abspath(arguments.config)}", f"--state={os.path.dirname(session.state_directory)}"]
    return (sys.executable, os.path.abspath(sys.argv[0]), *places, f"--instance={session.name}", "recover")


def _options(arguments, settings) -> InPlaceOptions:
    moves = [text.partition("=") for text in arguments.move]
    if any(not old or not new for old, _equals, new in moves):
        raise EngineError("option-invalid", "--move needs the path at the backup and the path here", "Write --move /old/place=/new/place.")
    return InPlaceOptions(
        snapshot=arguments.snapshot, paths=tuple(arguments.path), components=tuple(arguments.component),
        exclude=settings.exclude, moves=tuple((old, new) for old, _equals, new in moves), service_files=arguments.service_files,
        pre_restore=not arguments.no_snapshot, keep_aside=arguments.keep_aside, start=arguments.start, version=arguments.version_step,
        force=arguments.force, unfence=arguments.unfence, merge=tuple(arguments.merge), gateway=settings.gateway,
        edits=EditOptions(**{name: getattr(arguments, name) for name in CHOICES}))


def _confirm(arguments, planned: dict) -> None:
    """EngineError "confirmation-missing" or "confirmation-wrong" unless a person or the command line names this host."""
    name = host_name()
    given = arguments.confirm
    if given is None and sys.stdin.isatty() and sys.stderr.isatty() and not (arguments.json or arguments.query):
        sys.stderr.write(f"{restore_text.plan_text(planned)}\n\nTo go on, type the name of this host ({name}): ")
        sys.stderr.flush()
        given = sys.stdin.readline().strip()
    confirm.require(given)


def _recover(session, start: bool = True) -> dict:
    made = recover.plan(session.instance_options(), session.context)
    return recover.execute(made, session.settings.gateway, session.context, start=start)


def run_recover(_arguments, session) -> Outcome:
    """Look and end: a restore first, which may be part of an update that is taken back."""
    result = _recover(session)
    result["update_undone"] = update_command.undo_unfinished(session)
    if result["update_undone"]:
        return Outcome({**result, "changed": True}, exit_codes.COMPLETE, "The OpenClaw and the state from before the update are in place")
    if not result["changed"]:
        return Outcome(result, exit_codes.UNCHANGED, "There is nothing to recover")
    msg = "The state from before the restore is in place" if result["phase"] else "Old states were removed"
    if result["started"]:
        msg = "The gateway that failed when a restore was taken back runs again"
    return Outcome(result, exit_codes.COMPLETE, msg)
