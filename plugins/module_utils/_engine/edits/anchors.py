# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What OpenClaw compares its config with, so that it takes the restored one for good.

It notes a fingerprint of the config it last ran with, keeps copies beside it (`.bak`, `.last-good`), and puts a copy back
when the config that it finds is invalid, or suspiciously unlike the noted one: half as long, without its own section, without
a gateway mode. A restored config may be all that, compared with a newer copy. So the copies are made equal to it, and the
fingerprint is forgotten: OpenClaw notes it anew at its first start.
"""
from __future__ import annotations

import os
import shutil
import sqlite3

from ..errors import EngineError
from .databases import copy_database, json_object, json_text, open_staged, tables_of
from .staged import Change, EditReport, Staged, read_text, write_text

_COPIES = (".bak", ".last-good")  # the older .bak.1 to .bak.4 are never put back
_TABLE = "config_health_entries"
_OLD_FILE = "logs/config-health.json"  # of releases before 2026.7


def refresh_anchors(staged: Staged, report: EditReport) -> None:
    """Make the copies equal to the config and forget the fingerprint. EngineError "edit-failed", OSError."""
    config = staged.config_file()
    place = staged.locate(config)
    text = read_text(place) if place else None
    if text is not None:
        _refresh_copies(staged, text, report)
    path = staged.own_state_database()
    if path:
        with open_staged(staged.locate(path), path) as connection:
            forget_fingerprint(connection, path, report)
    old = f"{staged.state_dir}/{_OLD_FILE}"
    if old in staged.files(os.path.dirname(old)):
        value = json_object(read_text(staged.locate(old)))
        if value and value.get("entries"):
            write_text(staged.locate(old), json_text({**value, "entries": {}}))
            report.changes.append(Change("anchor", old, "entries", "fingerprint", "forgotten"))


def _refresh_copies(staged: Staged, text: str, report: EditReport) -> None:
    for path in staged.roots("config"):
        place = staged.locate(path)
        if path.endswith(_COPIES) and place and read_text(place) != text:
            write_text(place, text)
            report.changes.append(Change("anchor", path, "", "an older config", "the restored config"))


def forget_fingerprint(connection: sqlite3.Connection, path: str, report: EditReport) -> None:
    """In the global database, a staged one or a copy of the live one."""
    if _TABLE in tables_of(connection):
        for (config,) in connection.execute(f"SELECT config_path FROM {_TABLE} ORDER BY 1").fetchall():
            report.changes.append(Change("anchor", path, f"{_TABLE} {config}", "fingerprint", "forgotten"))
        connection.execute(f"DELETE FROM {_TABLE}")


def forget_in_copy(live: str, place: str) -> list[Change]:
    """Copy the live global database, whose gateway is stopped, with its owner and mode, and forget the fingerprint in the copy.

    Without a fingerprint there is no copy and no change. EngineError "edit-failed".
    """
    report = EditReport()
    try:
        copy_database(live, place)
        shutil.copystat(live, place)
        if os.geteuid() == 0:
            owner = os.stat(live)
            os.chown(place, owner.st_uid, owner.st_gid)
        with open_staged(place, live) as connection:
            forget_fingerprint(connection, live, report)
        if not report.changes:
            os.unlink(place)
    except OSError as exc:
        raise EngineError(
            "edit-failed", f"{live} could not be copied to make it forget its config: {exc}",
            "The live state is as it was. Look at the space and the permissions of the disk that holds it.") from exc
    return report.changes
