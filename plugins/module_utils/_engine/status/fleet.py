# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""The status of all instances of a storage: which there are, which there should be, and how each of them is."""
from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Iterable, Sequence

from ..errors import EngineError
from ..options import StorageOptions
from ..ports import Context
from ..storage.base import Storage
from ..storage.location import check_instance
from ..storage.open import children, open_root
from . import judge
from .facts import Memory
from .model import Expected, Fleet, InstanceStatus, Objectives, Report, rank
from .part import Part
from .read import Budget, Reader

FURTHER_READS = 5000  # objects that one look reads beyond what its judgements need; the next look reads on
_WORKERS_PER_TRANSFER = 2  # these requests are small: they wait more than they work
_FATAL = ("storage-unreachable", "storage-timeout", "missing-dependency")  # what fails for one fails for all


def look(
        options: StorageOptions, context: Context, objectives: Objectives = Objectives(), expected: Sequence[Expected] = (),
        reports: Iterable[Report] = (), only: Sequence[str] = ()) -> Fleet:
    """The state of a storage's instances, the one that needs a person most first. Needs no key, and changes nothing.

    expected: instances that are shown also if the storage has none of that name. reports: what hosts say of themselves.
    only: no others than these; empty means all. Raises EngineError where the storage cannot be listed, and
    "repository-missing" where it holds no repository and none is expected.
    """
    for item in expected:
        check_instance(item.instance)
    storage = open_root(options, context)
    try:
        found = [name for name in children(storage) if not only or name in only]
        return _Look(storage, context, objectives, expected, reports).all(found)
    finally:
        storage.close()


class _Look:
    """One look at a storage."""

    def __init__(
            self, storage: Storage, context: Context, objectives: Objectives, expected: Sequence[Expected],
            reports: Iterable[Report]) -> None:
        self._storage, self._context, self._objectives = storage, context, objectives
        self._expected = {item.instance: item for item in expected}
        reports = list(reports)
        self._reports = {item.instance: item for item in reports if item.instance}
        self._hosts = {_short(item.host): item for item in reports if not item.instance}
        self._memory = Memory(context.cache_dir, storage.url)
        self._budget = Budget(FURTHER_READS)
        self._now = 0.0

    def all(self, found: list[str]) -> Fleet:
        instances = sorted({*found, *self._expected, *self._reports})
        if not instances and not self._hosts:
            raise EngineError(
                "repository-missing", f"There is no repository at {self._storage.url}",
                "Check the place (is the disk mounted, is the prefix right?), or name the instances that there should be.")
        self._now = self._storage.now()
        workers = max(1, min(16, self._storage.parallel_transfers() * _WORKERS_PER_TRANSFER, len(instances)))
        with ThreadPoolExecutor(workers) as pool:
            rows = [row for row in pool.map(self._one, instances) if row]
        known = {_short(row.host) for row in rows}
        rows += [judge.silent(report, self._now) for host, report in self._hosts.items() if host not in known and not report.reachable]
        self._memory.save()
        return Fleet(self._storage.url, self._now, tuple(sorted(rows, key=rank)), self._storage.traffic.total_requests)

    def _one(self, name: str) -> InstanceStatus | None:
        expected, report = self._expected.get(name), self._reports.get(name)
        objectives = expected.objectives if expected and expected.objectives else self._objectives
        host = expected.host if expected else ""
        try:
            stored = Reader(Part(self._storage, name), name, self._memory, self._budget).read(self._now)
        except EngineError as exc:
            if exc.code in _FATAL:
                raise
            return judge.unreadable(name, exc.message, objectives, self._now, host)
        if not stored.exists and expected is None and report is None:
            return None  # a directory of something else
        if report is None and stored.last_run:
            report = self._hosts.get(_short(stored.last_run.host))
        return judge.judge(name, stored, objectives, self._now, host, report)


def _short(host: str) -> str:
    """A host's name without its domain: inventories and hosts themselves differ in that."""
    return host if re.fullmatch(r"[0-9a-fA-F.:]+", host) else host.split(".")[0].lower()
