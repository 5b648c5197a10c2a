# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""prune: remove what retention does not keep, or what is named."""
from __future__ import annotations

from openclaw_backup_engine import prune
from openclaw_backup_engine.options import PruneOptions

from . import exit_codes
from .outcome import Outcome
from .text import size, table


def add(adder) -> None:
    """Declare the command."""
    parser = adder.command("prune", "remove snapshots that retention does not keep", run, show, recorded=True, locks=True)
    parser.add_argument("--dry-run", action="store_true", help="show what would go, and why; remove nothing")
    parser.add_argument("--delete", action="append", default=[], metavar="ID", help="remove just this one: an id, vN or a name")
    parser.add_argument("--max-delete-share", type=float, metavar="SHARE", help="the share of all snapshots that may go at once")


def run(arguments, session) -> Outcome:
    """Plan, and unless this is a rehearsal, delete."""
    share = session.settings.max_delete_share if arguments.max_delete_share is None else arguments.max_delete_share
    options = PruneOptions(session.settings.retention, tuple(arguments.delete), share)
    repository = session.repository() if session.has_key() else None
    made = prune.plan(session.storage(), options, session.context, repository)
    planned = made.to_dict()
    if arguments.dry_run:
        data = {"changed": made.changed, "removed": planned["remove"], "bytes_freed": planned["bytes_freed"]}
        msg = f"{len(planned['remove'])} snapshots would be removed"
        return Outcome({**data, "dry_run": True, "plan": planned}, exit_codes.COMPLETE, msg)
    result = prune.execute(made, session.context).to_dict()
    del result["failed"]
    data = {**result, "dry_run": False, "plan": planned}
    if not result["changed"]:
        return Outcome(data, exit_codes.UNCHANGED, "Nothing was to be removed")
    return Outcome(data, exit_codes.COMPLETE, f"{len(result['removed'])} snapshots removed")


def show(report: dict) -> str:
    """Every snapshot with what becomes of it, then what that frees."""
    rows = [
        (one["id"], one["version"], one["kind"], "keep" if one["keep"] else "remove", one["reason"]) for one in report["plan"]["snapshots"]]
    lines = [table(("SNAPSHOT", "VERSION", "KIND", "", "WHY"), rows)] if rows else []
    verb = "would be freed" if report["dry_run"] else "freed"
    lines.append(f"{report['msg']}; {size(report['bytes_freed'])} {verb}")
    if report["plan"]["packs_spared"]:
        lines.append(f"No pack is removed: {report['plan']['packs_spared']}")
    return "\n".join(lines)
