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
    found, by_snapshot = [], _by_snapshot(listed, set(snapshots))
    for snapshot_id in sorted(by_snapshot, key=names.time_of_id, reverse=True):
        says = next(filter(None, (_says(storage, item, bundle) for item in by_snapshot[snapshot_id])), ("",))[0]
        if says in (PASSED, UNREADABLE):
            found.append(snapshot_id)
        if says == PASSED:
            break
    return found


def newest_of_each(storage: Storage, snapshots: Iterable[str], bundle: keys.WriterBundle | None = None) -> dict[str, dict]:
    """What the newest verification that proves anything says of each of these snapshots: {"time", "level", "passed"}; for listings.

    Which records are believed: as newest_passed() does. Time: when the record came, by the storage's clock.
    """
    found = {}
    for snapshot_id, newest_first in _by_snapshot(storage.list(names.VERIFICATIONS), set(snapshots)).items():
        for item in newest_first:
            says = _says(storage, item, bundle)
            if says and says[0] != UNREADABLE:
                found[snapshot_id] = {"time": names.id_of_time(item.modified), "level": says[1], "passed": says[0] == PASSED}
                break
    return found


def _by_snapshot(listed: Iterable[ObjectInfo], wanted: set[str]) -> dict[str, list[ObjectInfo]]:
    """The records about each of these snapshots, newest first."""
    found: dict[str, list[ObjectInfo]] = {}
    for item in sorted(listed, key=lambda item: (item.modified, item.name), reverse=True):
        about = snapshot_of(item.name)
        if about in wanted:
            found.setdefault(about, []).append(item)
    return found


def _says(storage: Storage, item: ObjectInfo, bundle: keys.WriterBundle | None) -> tuple[str, str] | None:
    """The result that a record states, or UNREADABLE, and its level; None where it proves nothing either way."""
    genuine = isinstance(bundle, keys.ReaderBundle)
    try:
        data = storage.get(item.name, 0, min(item.size, _MOST))
        if genuine:
            record = records.decode(bundle, records.VERIFICATION, item.name, data)[0]
        else:
            record = records.read(item.name, data, records.VERIFICATION)
    except ObjectMissing:
        return None
    except EngineError as exc:
        if exc.code != "repository-damaged":
            raise
        return None if genuine else (UNREADABLE, "")
    level, result = record.get("level"), record.get("result")
    if level not in PROVING or result == NOT_RUN:
        return None
    return (PASSED if result == PASSED else FAILED), level
