# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The records of verifications: which snapshot was last proven restorable."""
from __future__ import annotations

from typing import Iterable

from ..errors import EngineError, ObjectMissing
from ..storage.base import ObjectInfo, Storage
from . import keys, names, records

PASSED, FAILED, NOT_RUN = "passed", "failed", "not-run"
UNREADABLE = "unreadable"
PROVING = ("data", "restore", "boot")  # levels that read the content; a quick one proves nothing that should keep a snapshot
_MOST = 1 << 20  # bytes of a record that are read


def create(repository, snapshot_id: str, level: str, passed: bool | None, fields: dict, message: str = "") -> str:
    """Leave the record of a verification, and give its name.

    repository: opened with a reader's key; that seals the record, so that a host cannot vouch for its own snapshots.
    passed: None for one that could not be made, which says nothing about the snapshot.
    fields: what else to say in plain, JSON without fractions. message: sealed; may name files. EngineError "key-cannot-read".
    """
    name = names.verification_object(snapshot_id, repository.context.clock.now())
    result = NOT_RUN if passed is None else PASSED if passed else FAILED
    said = {**fields, "snapshot": snapshot_id, "level": level, "result": result}
    repository.storage.create(name, [records.encode(repository.bundle, records.VERIFICATION, name, said, message)])
    return name


def snapshot_of(name: str) -> str | None:
    """The id of the snapshot that a record is about, or None for any other object."""
    parts = name.split("/")
    return names.snapshot_of_object(names.SNAPSHOTS + parts[1]) if len(parts) == 3 and name.startswith(names.VERIFICATIONS) else None


def newest_passed(
        storage: Storage, listed: Iterable[ObjectInfo], snapshots: Iterable[str], bundle: keys.WriterBundle | None = None) -> list[str]:
    """The newest of these snapshots whose newest verification that proves anything passed.

    With a reader's bundle only genuine records count. Without, a record is believed, so only a restorer's credentials should
    be able to write one; and snapshots with a record that cannot be read come along: that keeps one more, never one fewer.
    """
    wanted, found = set(snapshots), []
    by_snapshot: dict[str, list[ObjectInfo]] = {}
    for item in listed:
        about = snapshot_of(item.name)
        if about in wanted:
            by_snapshot.setdefault(about, []).append(item)
    for snapshot_id in sorted(by_snapshot, key=names.time_of_id, reverse=True):
        newest_first = sorted(by_snapshot[snapshot_id], key=lambda item: (item.modified, item.name), reverse=True)
        says = next(filter(None, (_says(storage, item, bundle) for item in newest_first)), "")
        if says in (PASSED, UNREADABLE):
            found.append(snapshot_id)
        if says == PASSED:
            break
    return found


def _says(storage: Storage, item: ObjectInfo, bundle: keys.WriterBundle | None) -> str:
    """The result that a record states, UNREADABLE, or "" where it proves nothing either way."""
    genuine = isinstance(bundle, keys.ReaderBundle)
    try:
        data = storage.get(item.name, 0, min(item.size, _MOST))
        if genuine:
            record = records.decode(bundle, records.VERIFICATION, item.name, data)[0]
        else:
            record = records.read(item.name, data, records.VERIFICATION)
    except ObjectMissing:
        return ""
    except EngineError as exc:
        if exc.code != "repository-damaged":
            raise
        return "" if genuine else UNREADABLE
    if record.get("level") not in PROVING or record.get("result") == NOT_RUN:
        return ""
    return PASSED if record.get("result") == PASSED else FAILED
