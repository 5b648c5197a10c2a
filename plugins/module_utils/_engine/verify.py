# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Verify snapshots at one of three levels: plan() chooses them, execute() checks.

quick: every object that a snapshot needs exists and has its size, its manifest authenticates, and its parent, where that
still exists, is the one it was made after. data: besides, frames are read, decrypted, and their chunks compared with
their ids: all, or a share. restore: besides, the snapshot is restored into a scratch directory and its content checked.
"""
from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field

from . import memory, verify_content
from ._version import VERSION
from .errors import EngineError
from .options import LEVELS
from .ports import Context, ProgressState
from .repository import snapshot as snapshots_format
from .repository import verifications
from .repository.manifest import Manifest
from .repository.repository import Repository, SnapshotRef, list_packs
from .repository.snapshot import Header
from .snapshots import find
from .storage.base import ObjectInfo
from .verify_data import Checker


@dataclass(frozen=True)
class VerifyOptions:
    """One verification. snapshot: one that find() knows, or "all". sample: percent of the data that level data reads.

    scratch: for level restore, an empty or new directory; what is put there is removed by the caller.
    """

    level: str = "quick"
    snapshot: str = "latest"
    sample: float = 100.0
    scratch: str | None = None
    seed: int | None = None


@dataclass
class VerifyPlan:
    """Which snapshots are checked, and how."""

    repository: Repository
    options: VerifyOptions
    refs: list[SnapshotRef]
    all_refs: dict[str, SnapshotRef]

    def to_dict(self) -> dict:
        """For check mode and people."""
        return {"level": self.options.level, "sample": self.options.sample, "snapshots": [ref.id for ref in self.refs],
                "bytes_manifests": sum(ref.size for ref in self.refs)}


@dataclass(frozen=True)
class Problem:
    """Something that is wrong. check: which check found it. object: the stored object or the path concerned."""

    snapshot: str
    check: str
    object: str
    message: str


@dataclass
class VerifyResult:
    """What a verification found."""

    level: str
    sample: float
    snapshots: list[str]
    problems: list[Problem] = field(default_factory=list)
    checks: list[dict] = field(default_factory=list)
    bytes_read: int = 0
    bytes_checked: int = 0
    files_checked: int = 0
    databases_checked: int = 0
    recorded: bool = False
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    duration_s: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.problems

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        return {**asdict(self), "problems": [asdict(problem) for problem in self.problems], "ok": self.ok, "changed": False,
                "duration_s": round(self.duration_s, 3)}


def plan(repository: Repository, options: VerifyOptions, context: Context) -> VerifyPlan:
    """Choose the snapshots. EngineError "option-invalid", "snapshot-missing", "key-cannot-read"."""
    if options.level not in LEVELS:
        raise EngineError("option-invalid", f"There is no level {options.level!r}", f"Levels: {', '.join(LEVELS)}.")
    if not 0 < options.sample <= 100:
        raise EngineError("option-invalid", f"A sample of {options.sample} percent is none", "Give more than 0 and at most 100.")
    if options.level != "quick":
        repository.reader()
    if options.level == "restore" and (not options.scratch or options.snapshot == "all"):
        raise EngineError(
            "option-invalid", "Level restore needs a scratch directory and one snapshot", "Give scratch, and a snapshot or latest.")
    refs = repository.snapshots()
    chosen = refs if options.snapshot == "all" else [find(repository, options.snapshot)]
    if not chosen:
        raise EngineError("snapshot-missing", f"There is no snapshot at {repository.storage.url}", "Make a backup first.")
    return VerifyPlan(repository, options, chosen, {ref.id: ref for ref in refs})


def execute(made: VerifyPlan, context: Context) -> VerifyResult:
    """Check. Everything wrong is collected first; then EngineError "verification-failed" names it, with the result as details."""
    memory.keep_freed_memory()
    started = context.clock.elapsed()
    result = VerifyResult(made.options.level, made.options.sample, [ref.id for ref in made.refs])
    inspect(made, context, result)
    if proves(made.options):
        _record(made, result)
    result.requests = made.repository.storage.traffic.total_requests
    result.duration_s = context.clock.elapsed() - started
    if result.problems:
        first = result.problems[0]
        raise EngineError(
            "verification-failed", f"{len(result.problems)} problems in {len({problem.snapshot for problem in result.problems})} of "
            f"{len(made.refs)} snapshots; the first: {first.object}: {first.message}",
            "Make a backup: it stores what is missing anew; the snapshots named here may not restore in full.", result.to_dict())
    return result


def inspect(made: VerifyPlan, context: Context, result: VerifyResult) -> None:
    """Check, and add what is found to the result. Leaves no record, and raises nothing for what is wrong with a snapshot."""
    _Verifier(made, context, result).run()


def proves(options: VerifyOptions) -> bool:
    """Whether a verification like this shows that a snapshot can be brought back: all of its data was read."""
    return options.level == "restore" or options.level == "data" and options.sample >= 100


def _record(made: VerifyPlan, result: VerifyResult) -> None:
    """Leave a record beside each snapshot. Credentials that may only read are no reason to fail."""
    hurt = {problem.snapshot: problem.message for problem in result.problems}
    checks = [check["name"] for check in result.checks]
    try:
        for snapshot in result.snapshots:
            verifications.create(
                made.repository, snapshot, made.options.level, snapshot not in hurt, {"checks": checks, "engine": VERSION},
                hurt.get(snapshot, ""))
        result.recorded = True
    except EngineError as exc:
        result.notes.append(f"The verification could not be recorded: {exc.message}")


class _Verifier:
    """One verification."""

    def __init__(self, made: VerifyPlan, context: Context, result: VerifyResult) -> None:
        self._made, self._context, self._result = made, context, result
        self._repository = made.repository
        self._progress = ProgressState("verify")
        self._checker = Checker(made.repository, self._advance)
        self._random = random.Random(made.options.seed)

    def _advance(self, count: int) -> None:
        self._progress.bytes_done += count
        self._context.progress.report(self._progress)

    def run(self) -> None:
        packs = self._timed("objects", lambda: list_packs(self._repository.storage))
        loaded = self._timed("manifests", self._load)
        for ref, header, manifest in loaded:
            self._timed("objects", lambda: self._objects(ref, manifest, packs))
            self._timed("parents", lambda: self._parent(ref, header))
            if self._made.options.level != "quick":
                self._timed("data", lambda: self._data(ref, manifest, packs))
            if self._made.options.level == "restore":
                self._restore(ref, manifest)
        self._result.bytes_read = self._repository.storage.traffic.bytes_received

    def _timed(self, name: str, work):
        started, before = self._context.clock.elapsed(), len(self._result.problems)
        found = work()
        self._note(name, self._context.clock.elapsed() - started, len(self._result.problems) == before)
        return found

    def _note(self, name: str, spent: float, ok: bool) -> None:
        known = next((check for check in self._result.checks if check["name"] == name), None)
        if known is None:
            known = {"name": name, "ok": True, "duration_s": 0.0}
            self._result.checks.append(known)
        known["ok"] = known["ok"] and ok
        known["duration_s"] = round(known["duration_s"] + spent, 3)

    def _problem(self, snapshot: str, check: str, name: str, message: str) -> None:
        self._result.problems.append(Problem(snapshot, check, name, message))

    def _load(self) -> list[tuple[SnapshotRef, Header, Manifest]]:
        loaded = []
        for ref in self._made.refs:
            try:
                data = self._repository.storage.get(ref.name)
                loaded.append((ref, *snapshots_format.decode(self._repository.bundle, ref.name, data)))
            except EngineError as exc:
                if exc.code not in ("repository-damaged", "object-missing", "format-unknown"):
                    raise
                self._problem(ref.id, "manifest", ref.name, exc.message)
        return loaded

    def _objects(self, ref: SnapshotRef, manifest: Manifest, packs: dict[str, ObjectInfo]) -> None:
        for row in manifest.tables.packs:
            if row.pack not in packs:
                self._problem(ref.id, "objects", f"pack {row.pack}", "it is not there")
            elif packs[row.pack].size != row.size:
                self._problem(ref.id, "objects", f"pack {row.pack}", f"it has {packs[row.pack].size:,} bytes and should have {row.size:,}")

    def _parent(self, ref: SnapshotRef, header: Header) -> None:
        """A parent that prune removed is no problem; one that is another than the one recorded is."""
        parent = self._made.all_refs.get((header.parent or {}).get("id", ""))
        if parent is None:
            return
        data = self._repository.storage.get(parent.name)
        if snapshots_format.digest([data]) != header.parent["digest"]:
            self._problem(ref.id, "parents", parent.name, "it is not the snapshot that this one was made after")

    def _data(self, ref: SnapshotRef, manifest: Manifest, packs: dict[str, ObjectInfo]) -> None:
        frames = range(len(manifest.tables.frame_pack))
        if self._made.options.sample < 100:
            frames = self._random.sample(frames, max(1, round(len(frames) * self._made.options.sample / 100))) if frames else ()
        for name, message in self._checker.check(manifest.tables, frames, packs):
            self._problem(ref.id, "data", name, message)
        self._result.bytes_checked = self._checker.bytes_checked

    def _restore(self, ref: SnapshotRef, manifest: Manifest) -> None:
        found = verify_content.check(self._repository, ref, manifest, self._made.options.scratch, self._context)
        for check, name, message in found.problems:
            self._problem(ref.id, check, name, message)
        for check, spent in found.seconds.items():
            self._note(check, spent, not any(problem[0] == check for problem in found.problems))
        self._result.files_checked += found.files
        self._result.databases_checked += found.databases
