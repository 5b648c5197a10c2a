# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Remove snapshots, then the packs that no remaining one names: plan() decides, execute() deletes whole objects.

Needs no key, reads no pack, rewrites nothing. Snapshots go first and packs last, so that whatever remains after a kill at
any point is whole. A pack goes only if it is at least PACK_GRACE old by the storage's clock (a running backup may have
uploaded or adopted it), and if the header of every remaining snapshot could be read: the snapshots are listed again after
the deletions and before the packs go, so that one made meanwhile protects its packs.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Iterable

from . import prune_survey
from .errors import EngineError
from .options import PruneOptions
from .ports import Context, ProgressState
from .prune_survey import Survey
from .repository import names, verifications
from .repository.known import ADOPT_WITHIN
from .repository.repository import Repository, SnapshotRef, list_packs
from .retention import DAY, Decision, decide, pins
from .retention import check as check_retention
from .snapshots import choose
from .storage.base import ObjectInfo, Storage

PACK_GRACE = 2 * ADOPT_WITHIN  # seconds
RECORDS_STAY = 400 * DAY  # run records, and verifications of snapshots that are gone
RUNS_STAY = 10  # the newest run records stay however old: they say when backups stopped
FEW = 3  # so many snapshots may always go at once, whatever their share is


@dataclass
class PrunePlan:
    """What a prune would do. decisions: one for each snapshot, oldest first. packs: all there are, by id.

    records: run records and old verifications to remove. absent: what was asked to be removed and is not there.
    """

    storage: Storage
    options: PruneOptions
    repository: Repository | None
    survey: Survey
    decisions: list[Decision]
    packs: dict[str, ObjectInfo]
    records: list[ObjectInfo]
    absent: list[str] = field(default_factory=list)
    now: float = 0.0

    @property
    def remove(self) -> list[SnapshotRef]:
        """The snapshots that go, oldest first."""
        going = {decision.id for decision in self.decisions if not decision.keep}
        return [ref for ref in self.survey.refs if ref.id in going]

    @property
    def free_packs(self) -> list[ObjectInfo]:
        """The packs that go with them."""
        return _free(self.packs, self.survey.without(self.remove), self.now)

    @property
    def changed(self) -> bool:
        """Whether anything would be deleted."""
        return bool(self.remove or self.records or self.free_packs)

    def to_dict(self) -> dict:
        """For check mode and people."""
        free, by_id = self.free_packs, {decision.id: decision for decision in self.decisions}
        rows = [{**self.survey.describe(ref, version), **_of_decision(by_id[ref.id])} for version, ref in enumerate(self.survey.refs, 1)]
        return {
            "changed": self.changed, "url": self.storage.url, "snapshots": rows,
            "remove": [ref.id for ref in self.remove], "packs": len(free), "records": len(self.records),
            "bytes_freed": sum(item.size for item in [*self.remove, *free, *self.records]), "absent": list(self.absent),
            "damaged": [{"id": snapshot_id, "reason": reason} for snapshot_id, reason in self.survey.trouble.items()],
            "packs_spared": _spared(self.survey.without(self.remove))}

    def before(self) -> dict:
        """What there is, for a difference."""
        return {"snapshots": [ref.id for ref in self.survey.refs]}

    def after(self) -> dict:
        """What there will be."""
        return {"snapshots": [ref.id for ref in self.survey.without(self.remove).refs]}


def _of_decision(decision: Decision) -> dict:
    return {"keep": decision.keep, "code": decision.code, "reason": decision.reason}


@dataclass
class PruneResult:
    """What a prune did. removed: ids. failed: (object, reason) of what could not be deleted. packs_spared: why none was deleted."""

    changed: bool = False
    removed: list[str] = field(default_factory=list)
    packs_removed: int = 0
    records_removed: int = 0
    bytes_freed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    packs_spared: str = ""
    absent: list[str] = field(default_factory=list)
    requests: int = 0
    duration_s: float = 0.0

    def to_dict(self) -> dict:
        """In the words of the module's RETURN."""
        failed = [{"object": name, "reason": reason} for name, reason in self.failed]
        return {**vars(self), "duration_s": round(self.duration_s, 3), "failed": failed}


def plan(storage: Storage, options: PruneOptions, context: Context, repository: Repository | None = None) -> PrunePlan:
    """Look at the repository and decide; deletes nothing.

    repository: the same one, opened; then what is not genuine is not counted, and snapshots can be asked for by name. With a
    reader's key, forged verifications do not count either.
    EngineError "repository-missing", "option-invalid", "prune-too-much"; of delete "snapshot-pinned", "snapshot-missing",
    "snapshot-ambiguous", "key-not-given".
    """
    _check(options)
    context.progress.report(ProgressState("list"))
    survey, records = prune_survey.take(storage, repository), list(storage.list(names.VERIFICATIONS))
    now = storage.now()
    verified = verifications.newest_passed(storage, records, survey.headers, repository.bundle if repository else None)
    absent: list[str] = []
    if options.delete:
        decisions = _asked_for(survey, options.delete, verified, absent)
    else:
        decisions = decide(survey.candidates(), options.retention, now, verified)
    made = PrunePlan(storage, options, repository, survey, decisions, list_packs(storage), [], absent, now)
    made.records = _old_records(made, records)
    _check_share(made)
    return made


def _check(options: PruneOptions) -> None:
    check_retention(options.retention)
    share = options.max_delete_share
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise EngineError("option-invalid", f"max_delete_share is {share!r}", "Give a share from 0 to 1.")


def _asked_for(survey: Survey, wanted: Iterable[str], verified: list[str], absent: list[str]) -> list[Decision]:
    """Decisions that remove just what is asked for. What is not there any more is added to absent."""
    chosen: set[str] = set()
    for text in wanted:
        try:
            chosen.add(choose(survey.refs, text, lambda text=text: _labels(survey, text), survey.url).id)
        except EngineError as exc:
            if exc.code != "snapshot-missing" or re.fullmatch(r"(?i)v\d+", text):
                raise
            absent.append(text)
    pinned = pins(survey.candidates(), verified)
    for snapshot_id in sorted(chosen & set(pinned)):
        raise EngineError(
            "snapshot-pinned", f"Snapshot {snapshot_id} cannot be removed: it is {pinned[snapshot_id]}",
            "Make newer backups first, and verify one where it is the verified one; then it can go.", {"snapshot": snapshot_id})
    asked, other = (False, "asked-for", "delete names it"), (True, "not-asked-for", "delete does not name it")
    return [Decision(ref.id, *(asked if ref.id in chosen else other)) for ref in survey.refs]


def _labels(survey: Survey, text: str) -> dict[str, str]:
    """The names of snapshots, as far as text may be one: names do not look like times."""
    if not survey.has_key and not re.fullmatch(r"\d{4}-?\d\d[-:.TZ\d]*", text):
        raise EngineError("key-not-given", f"{text!r} is not an id, and names cannot be read without a key", "Give the id, or a key.")
    return survey.names


def _check_share(made: PrunePlan) -> None:
    going, there, share = len(made.remove), len(made.survey.refs), made.options.max_delete_share
    if going > FEW and going > share * there:
        raise EngineError(
            "prune-too-much", f"This would remove {going} of {there} snapshots at {made.storage.url}, more than the share of {share:g}",
            "Look at the plan in the result; if it is what you want, raise max_delete_share for this run.",
            {"remove": going, "snapshots": there, "max_delete_share": share, "result": {"plan": made.to_dict()}})


def _old_records(made: PrunePlan, listed: list[ObjectInfo]) -> list[ObjectInfo]:
    """Run records, and verifications of snapshots that do not remain, older than RECORDS_STAY."""
    remaining = {ref.id for ref in made.survey.without(made.remove).refs}
    runs = sorted(made.storage.list(names.RUNS), key=lambda item: (item.modified, item.name))[:-RUNS_STAY]
    about_gone = [item for item in listed if verifications.snapshot_of(item.name) and verifications.snapshot_of(item.name) not in remaining]
    return [item for item in [*runs, *about_gone] if made.now - item.modified > RECORDS_STAY]


def _free(packs: dict[str, ObjectInfo], remaining: Survey, now: float) -> list[ObjectInfo]:
    """The packs that may go when these snapshots remain."""
    if remaining.trouble:
        return []
    named = remaining.packs()
    return [item for pack, item in packs.items() if pack not in named and now - item.modified >= PACK_GRACE]


def _spared(remaining: Survey) -> str:
    """Why no pack may go, or ""."""
    if not remaining.trouble:
        return ""
    snapshot_id, reason = next(iter(remaining.trouble.items()))
    return f"{len(remaining.trouble)} remaining snapshots cannot be read, so what they need is unknown: {snapshot_id}: {reason}"


def execute(made: PrunePlan, context: Context) -> PruneResult:
    """Delete what was planned.

    EngineError "prune-incomplete" if anything could not be deleted, after everything else was; this error and those of the
    storage carry the result so far as details["result"]. Whatever was not done, the next prune does.
    """
    started, result = context.clock.elapsed(), PruneResult(absent=list(made.absent))
    try:
        if made.changed:
            _execute(made, context, result)
    except EngineError as exc:
        exc.details["result"] = _finish(made, context, result, started).to_dict()
        raise
    _finish(made, context, result, started)
    if result.failed:
        name, reason = result.failed[0]
        raise EngineError(
            "prune-incomplete", f"{len(result.failed)} objects at {made.storage.url} could not be deleted, {name} among them: {reason}",
            "Use credentials that may delete, or wait until the storage's object lock ends; then prune again.",
            {"result": result.to_dict()})
    return result


def _finish(made: PrunePlan, context: Context, result: PruneResult, started: float) -> PruneResult:
    result.changed = bool(result.removed or result.packs_removed or result.records_removed)
    result.requests = made.storage.traffic.total_requests
    result.duration_s = context.clock.elapsed() - started
    return result


def _execute(made: PrunePlan, context: Context, result: PruneResult) -> None:
    remove = {ref.name: ref for ref in made.remove}
    context.progress.report(ProgressState("remove", files_total=len(remove)))
    for name in _delete(made.storage, remove, result):
        result.removed.append(remove[name].id)
    remaining = prune_survey.again(made.storage, made.survey)
    result.packs_spared = _spared(remaining)
    free = {item.name: item for item in _free(made.packs, remaining, made.now)}
    context.progress.report(ProgressState("remove packs", files_total=len(free)))
    result.packs_removed = len(_delete(made.storage, free, result))
    there = {ref.id for ref in remaining.refs}
    records = {item.name: item for item in made.records if verifications.snapshot_of(item.name) not in there}
    result.records_removed = len(_delete(made.storage, records, result))


def _delete(storage: Storage, objects: dict, result: PruneResult) -> list[str]:
    """Delete objects, name -> what has a size, and note what came of it."""
    if not objects:
        return []
    deletion = storage.delete(list(objects))
    result.failed += deletion.failed
    result.bytes_freed += sum(objects[name].size for name in deletion.deleted)
    return deletion.deleted
