# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""list, ls, diff: what is stored."""
from __future__ import annotations

import stat

from openclaw_backup_engine import listing, snapshots
from openclaw_backup_engine.repository.manifest import DIRECTORY, FILE

from .outcome import Outcome
from .text import iso, moment, printable, size, table

_LETTERS = {DIRECTORY: stat.S_IFDIR, FILE: stat.S_IFREG}
_SIGNS = {listing.ADDED: "+", listing.REMOVED: "-", listing.CHANGED: "~"}


def add(adder) -> None:
    """Declare the commands."""
    adder.command("list", "list the snapshots, oldest first", run_list, show_list)
    parser = adder.command("ls", "list what a snapshot holds", run_ls, show_ls)
    parser.add_argument("snapshot", help="latest, an id, vN, or a name")
    parser.add_argument("path", nargs="?", default="", help="absolute, or relative to the state directory")
    parser.add_argument("--recursive", action="store_true", help="all that lies below, too")
    parser = adder.command("diff", "show how two snapshots differ", run_diff, show_diff)
    parser.add_argument("before", help="latest, an id, vN, or a name")
    parser.add_argument("after", nargs="?", default="latest", help="the same (default: latest)")


def run_list(_arguments, session) -> Outcome:
    """All snapshots; names and notes only with a key."""
    if session.has_key():
        repository = session.repository()
        found = snapshots.described(snapshots.list_infos(repository), repository.storage, repository.bundle)
    else:
        found = snapshots.described(snapshots.list_without_key(session.storage()), session.storage())
    return Outcome({"url": session.storage().url, "snapshots": found})


def show_list(report: dict) -> str:
    """A table."""
    if not report["snapshots"]:
        return f"There is no snapshot at {report['url']}"
    rows = []
    for one in report["snapshots"]:
        if one["error"]:
            rows.append([one["id"], one["version"], "", moment(one["id"]), "", "damaged", _proven(one), one["error"]])
            continue
        missing = f"{one['omissions']} missing" if one["omissions"] else "complete"
        rows.append([one["id"], one["version"], size(one["bytes"]), moment(one["created"]), one["kind"], missing, _proven(one),
                     one["name"] or ""])
    return table(("SNAPSHOT", "VERSION", "SIZE", "CREATED", "KIND", "STATE", "VERIFIED", "NAME"), rows, right=(2,))


def _proven(one: dict) -> str:
    """What its newest verification says: the level that it passed."""
    found = one["verified"]
    return "" if not found else found["level"] if found["passed"] else "FAILED"


def run_ls(arguments, session) -> Outcome:
    """What is at a path."""
    found = listing.list_entries(session.repository(), arguments.snapshot, arguments.path, arguments.recursive)
    entries = [{**entry.to_dict(), "modified": iso(entry.modified)} for entry in found.entries]
    return Outcome({"snapshot": found.snapshot, "path": found.path, "entries": entries})


def show_ls(report: dict) -> str:
    """As ls -l shows it."""
    rows = []
    for one in report["entries"]:
        mode = stat.filemode(int(one["mode"], 8) | _LETTERS.get(one["type"], stat.S_IFLNK if one["target"] else 0))
        link = f" -> {one['target']}" if one["target"] else ""
        shown = size(one["size"]) if one["type"] == FILE else ""
        rows.append((mode, one["uid"], one["gid"], shown, moment(one["modified"]), one["path"] + link))
    return table(("MODE", "USER", "GROUP", "SIZE", "MODIFIED", "PATH"), rows, right=(1, 2, 3))


def run_diff(arguments, session) -> Outcome:
    """What differs."""
    found = listing.compare(session.repository(), arguments.before, arguments.after)
    counts = {change: found.count(change) for change in _SIGNS}
    return Outcome({
        "before": found.before, "after": found.after, "counts": counts, "differences": [item.to_dict() for item in found.differences]})


def show_diff(report: dict) -> str:
    """A line for each path that differs."""
    lines = []
    for one in report["differences"]:
        what = f"  ({', '.join(one['what'])})" if one["what"] else ""
        before, after = one["size_before"], one["size_after"]
        sizes = f"  {size(before)} -> {size(after)}" if one["change"] == listing.CHANGED and before != after else ""
        lines.append(f"{_SIGNS[one['change']]} {printable(one['path'])}{sizes}{what}")
    counts = report["counts"]
    lines.append(f"{counts['added']} added, {counts['changed']} changed, {counts['removed']} removed")
    return "\n".join(lines)
