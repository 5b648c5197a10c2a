# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The records of verifications, as far as they can be read without a key: which snapshot was last proven restorable."""
from __future__ import annotations

from typing import Iterable

from ..errors import ObjectMissing
from ..storage.base import ObjectInfo, Storage
from . import crypto, names

PASSED = "passed"  # the result of a verification that found nothing wrong
PROVING = ("data", "restore")  # levels that read the content; a quick one proves nothing that should keep a snapshot
UNREADABLE = "unreadable"


def snapshot_of(name: str) -> str | None:
    """The id of the snapshot that a record is about, or None for any other object."""
    parts = name.split("/")
    return names.snapshot_of_object(names.SNAPSHOTS + parts[1]) if len(parts) == 3 and name.startswith(names.VERIFICATIONS) else None


def newest_passed(storage: Storage, records: Iterable[ObjectInfo], snapshots: Iterable[str]) -> list[str]:
    """The newest of these snapshots whose newest verification that proves anything passed.

    Those with a record that cannot be read come along: that keeps a snapshot more, never one fewer.
    """
    wanted, found = set(snapshots), []
    by_snapshot: dict[str, list[ObjectInfo]] = {}
    for item in records:
        about = snapshot_of(item.name)
        if about in wanted:
            by_snapshot.setdefault(about, []).append(item)
    for snapshot_id in sorted(by_snapshot, key=names.time_of_id, reverse=True):
        newest_first = sorted(by_snapshot[snapshot_id], key=lambda item: (item.modified, item.name), reverse=True)
        says = next(filter(None, (_says(storage, item) for item in newest_first)), "")
        if says in (PASSED, UNREADABLE):
            found.append(snapshot_id)
        if says == PASSED:
            break
    return found


def _says(storage: Storage, item: ObjectInfo) -> str:
    """The result that a record states, UNREADABLE, or "" where it proves nothing either way."""
    try:
        record = crypto.without_checksum(storage.get(item.name))
    except ObjectMissing:
        return ""
    except (ValueError, RecursionError):
        return UNREADABLE
    if record.get("level", PROVING[-1]) not in PROVING:
        return ""
    return str(record.get("result") or "no result")
