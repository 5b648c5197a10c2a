# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""Reads what is stored about one instance, with few requests: one listing, and a few small objects that are not known yet.

What is always read: the newest snapshot's header (older ones where it is damaged or holds only a part), the newest runs up to
one that went well, the newest verification that proves anything. What is read only within a budget, since it makes the
picture richer and no judgement better: sizes of older snapshots, and how the runs of days without a snapshot ended.
"""
from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Callable, NamedTuple

from ..errors import EngineError
from ..repository import names, verifications
from ..repository.keys import WriterBundle
from ..storage.base import ObjectInfo, Storage
from . import facts
from .model import DAY, STRIP_DAYS, Backup, Run, Verified

LOOK_BACK = 20  # snapshots, runs or verifications that are read at most to find one that tells
MOST_FAILURES = 64  # failed runs that are read at most to find when they began
SAMPLES = (7, 30, 60, 90)  # days ago: sizes near these show growth
WHOLE = "everything"
GOOD_RUNS = ("success", "unchanged")


class Budget:
    """How many objects may be read beyond what is needed, by all instances together."""

    def __init__(self, reads: int) -> None:
        self._left, self._lock = reads, threading.Lock()

    def take(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0


@dataclass
class Stored:
    """What the storage holds of an instance. exists: there is a repository. newest_error: the newest snapshot is damaged.

    backup: the newest readable snapshot, of the whole instance if any of the newest few is. good_run: the newest run that found
    everything in that snapshot already. not_proven: when a verification after the last one could not be made, and why.
    day_runs: how the best run of a day went, by day number; "" if that was not read.
    """

    exists: bool = False
    snapshots: list[tuple[str, float]] = field(default_factory=list)
    newest_error: str = ""
    backup: Backup | None = None
    good_run: Run | None = None
    last_run: Run | None = None
    failing_since: float | None = None
    verified: Verified | None = None
    not_proven: tuple[float, str] | None = None
    sizes: list[tuple[float, int]] = field(default_factory=list)
    incomplete_days: set[int] = field(default_factory=set)
    day_runs: dict[int, str] = field(default_factory=dict)
    first: float | None = None


class Placed(NamedTuple):
    """An object of a listing, the id that its name holds, and when it was made: what its name says or when it was stored,
    whichever is earlier. So a clock that is ahead makes no backup look fresh, and neither does copying an old one.
    """

    item: ObjectInfo
    id: str
    time: float


def _placed(item: ObjectInfo, object_id: str) -> Placed:
    try:
        return Placed(item, object_id, min(names.time_of_id(object_id), item.modified))
    except EngineError:
        return Placed(item, object_id, item.modified)


def _placed_record(item: ObjectInfo) -> Placed:
    """Of a record, named <time>-<6 hex digits>."""
    return _placed(item, item.name.rpartition("/")[2].rpartition("-")[0])


def _placed_snapshots(listed: list[ObjectInfo]) -> list[Placed]:
    found = ((item, names.snapshot_of_object(item.name)) for item in listed if item.name.startswith(names.SNAPSHOTS))
    return [_placed(item, snapshot_id) for item, snapshot_id in found if snapshot_id]


class Reader:
    """Reads one instance. bundle: opens names and messages, and makes them authentic; nothing is remembered then."""

    def __init__(self, storage: Storage, instance: str, memory: facts.Memory, budget: Budget, bundle: WriterBundle | None = None) -> None:
        self._storage, self._instance, self._memory, self._budget, self._bundle = storage, instance, memory, budget, bundle
        self._stored = Stored()

    def read(self, now: float) -> Stored:
        """Everything. now: by the storage's clock. Raises EngineError where the storage fails."""
        since = names.compact(names.id_of_time(max(now - (STRIP_DAYS + 1) * DAY, 0)))
        listed = list(self._storage.list_after("", names.RUNS + since))
        snapshots = _placed_snapshots(listed)
        runs = [_placed_record(item) for item in listed if item.name.startswith(names.RUNS)]
        proofs = [item for item in listed if item.name.startswith(names.VERIFICATIONS) and verifications.snapshot_of(item.name)]
        stored = self._stored
        stored.snapshots = [(made.id, made.time) for made in snapshots]
        stored.exists = bool(snapshots or runs) or self._has_description()
        stored.first = min([made.time for made in snapshots] + [item.modified for item in proofs], default=None)
        self._read_newest(snapshots)
        self._read_runs(runs)
        self._read_proofs(proofs)
        self._read_sizes(snapshots, now)
        self._read_days(runs)
        return stored

    def _has_description(self) -> bool:
        return any(item.name == names.REPOSITORY for item in self._storage.list(names.REPOSITORY))

    def _facts(self, item: ObjectInfo, read: Callable[..., dict], needed: bool = True) -> dict | None:
        """The facts of an object: remembered, or read if that is needed or within the budget; else None."""
        found = self._memory.get(self._instance, item)
        if found is None and (needed or self._budget.take()):
            found = read(self._storage, item)
            self._memory.put(self._instance, item, found)
        return found

    # --- snapshots

    def _read_newest(self, snapshots: list[Placed]) -> None:
        chosen: tuple[Placed, dict] | None = None
        for made in snapshots[:-LOOK_BACK - 1:-1]:
            found = self._facts(made.item, facts.of_header) or {}
            if "error" in found:
                self._stored.newest_error = self._stored.newest_error or (found["error"] if made is snapshots[-1] else "")
                continue
            if chosen is None or found.get("scope") == WHOLE:
                chosen = made, found
            if found.get("scope") == WHOLE:
                break
        if chosen:
            self._stored.backup = _backup(*chosen)

    def _read_sizes(self, snapshots: list[Placed], now: float) -> None:
        """Sizes of all snapshots that are known, and of those nearest to a few ages."""
        stored = self._stored
        wanted = set()
        for days in SAMPLES if len(snapshots) > 1 else ():
            wanted.add(min(snapshots, key=lambda made: abs(now - days * DAY - made.time)))
        for made in snapshots:
            found = self._facts(made.item, facts.of_header, False) if made in wanted else self._memory.get(self._instance, made.item)
            if not found or "error" in found:
                continue
            backup = _backup(made, found)
            if stored.backup and backup.scope == stored.backup.scope:
                stored.sizes.append((backup.time, backup.bytes))
            if backup.omissions:
                stored.incomplete_days.add(int(backup.time // DAY))

    # --- runs

    def _run(self, made: Placed, needed: bool = True) -> Run | None:
        found = self._facts(made.item, lambda storage, item: facts.of_run(storage, item, self._bundle), needed)
        if not found or "error" in found:
            return None
        return Run(
            made.time, _text(found, "result"), _text(found, "error_code"), _text(found, "host"), _text(found, "snapshot"),
            _count(found, "omissions"), _text(found, "engine"), _text(found, "message"))

    def _read_runs(self, runs: list[Placed]) -> None:
        """The newest run, and back to the newest one that went well; and since when there were only failures."""
        stored, limit = self._stored, MOST_FAILURES
        for made in reversed(runs):
            run = self._run(made)
            limit -= 1
            if run is None:
                continue
            stored.last_run = stored.last_run or run
            if run.result in GOOD_RUNS:
                if stored.backup and run.snapshot == stored.backup.id:
                    stored.good_run = run
                break
            stored.failing_since = run.time
            if limit <= 0 or stored.backup and run.time <= stored.backup.time:
                break
        if stored.failing_since is not None and stored.backup and stored.backup.time > stored.failing_since:
            stored.failing_since = None  # a snapshot came after it, even if its run's record did not

    def _read_days(self, runs: list[Placed]) -> None:
        """How the runs of each day ended. Days with a snapshot need none read; of other days, the last run is the one that tells."""
        have = {int(time // DAY) for _id, time in self._stored.snapshots}
        for made in reversed(runs):
            day = int(made.time // DAY)
            if day in have or self._stored.day_runs.get(day) in GOOD_RUNS:
                continue
            first_look = day not in self._stored.day_runs
            run = self._run(made, needed=False) if first_look or self._memory.get(self._instance, made.item) else None
            if run is not None and run.result in GOOD_RUNS:
                self._stored.day_runs[day] = run.result
                if run.omissions:
                    self._stored.incomplete_days.add(day)
            elif first_look:
                self._stored.day_runs[day] = run.result if run else ""

    # --- verifications

    def _read_proofs(self, proofs: list[ObjectInfo]) -> None:
        """The newest verification that read content, whichever snapshot it is about."""
        by_time = sorted(proofs, key=lambda item: (item.modified, item.name), reverse=True)
        for item in by_time[:LOOK_BACK]:
            found = self._facts(item, facts.of_verification) or {}
            if found.get("level") not in verifications.PROVING:
                continue
            if found.get("result") == verifications.NOT_RUN:
                self._stored.not_proven = self._stored.not_proven or (_placed_record(item).time, _text(found, "error_code"))
                continue
            self._stored.verified = Verified(
                _placed_record(item).time, verifications.snapshot_of(item.name) or "", _text(found, "level"),
                found.get("result") == verifications.PASSED, _duration(found), _text(found, "host"),
                tuple((str(name), passed is True) for name, passed in found.get("checks", ())), _duration(found, "recovery"))
            return


def _backup(made: Placed, found: dict) -> Backup:
    return Backup(
        made.id, made.time, _text(found, "kind"), _text(found, "scope"), _count(found, "bytes"), _count(found, "bytes_stored"),
        _count(found, "files"), _count(found, "omissions"), _count(found, "duration_ms") / 1000, _text(found, "openclaw_version"))


def _duration(found: dict, name: str = "duration") -> float | None:
    """Seconds, where a record says so."""
    value = found.get(f"{name}_ms")
    return value / 1000 if isinstance(value, int) else None


def _text(found: dict, name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _count(found: dict, name: str) -> int:
    value = found.get(name)
    return value if isinstance(value, int) else 0
