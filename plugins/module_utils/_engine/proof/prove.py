# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Prove that a snapshot can be brought back: restore it into a throw-away place, check it, and boot its gateway there.

What is wrong with a snapshot is a problem of one check; then older snapshots are tried, so that the newest good one is named.
What keeps a proof from being made at all is an EngineError. Either is recorded beside the snapshot and is a failure.
"""
from __future__ import annotations

import itertools
import random
import socket
from dataclasses import dataclass

from .. import durations, memory, verify
from .._version import VERSION
from ..edits.apply import EditOptions
from ..edits.apply import apply as apply_edits
from ..edits.staged import Staged
from ..errors import EngineError
from ..placement import Placement, Side
from ..ports import Context
from ..repository import verifications
from ..repository.manifest import FILE
from ..repository.repository import Repository, SnapshotRef, read_header
from ..restore_selection import entries_of
from ..snapshots import find
from . import boot, judgement, model, programs
from .model import FAILED, PASSED, Proof, ProofOptions, ProofResult
from .place import Place, room_for
from .sandbox import Sandbox

LEVEL = "boot"
_LOOK_BACK = 50  # snapshots that are looked at to find whole ones
# Which check of ours those of a verification belong to.
_BELONGS = {
    "objects": "repository", "manifest": "repository", "manifests": "repository", "parents": "repository", "data": "data",
    "files": "restore", "databases": "databases", "content": "content", "components": "content"}


@dataclass
class ProofPlan:
    """Which snapshot is proven, and which ones are tried when it fails, newest first."""

    repository: Repository
    options: ProofOptions
    ref: SnapshotRef
    older: list[SnapshotRef]
    all_refs: dict[str, SnapshotRef]


def plan(repository: Repository, options: ProofOptions, context: Context) -> ProofPlan:
    """Choose. EngineError "key-cannot-read", "snapshot-missing", "snapshot-ambiguous", "option-invalid"."""
    if context.run is None:
        raise EngineError("option-invalid", "A proof with a boot is made by the host tool only", "Run openclaw-backup verify --level boot.")
    repository.reader()
    refs = repository.snapshots()
    if options.snapshot == "random" and refs:
        ref = random.choice(refs[:-1] or refs)
    else:
        ref = find(repository, options.snapshot)
    if options.snapshot in ("latest", "random"):  # of those that hold a whole instance, as far as there are any
        ref = next((one for one in _back_from(refs, ref) if _is_whole(repository, one)), ref)
    if not _is_whole(repository, ref):
        raise EngineError(
            "option-invalid", f"Snapshot {ref.id} holds only a part of the instance, which cannot be booted",
            "Prove it with --level restore, or name one of scope everything.")
    older = (one for one in _back_from(refs, ref)[1:] if _is_whole(repository, one))
    return ProofPlan(repository, options, ref, list(itertools.islice(older, options.older)), {one.id: one for one in refs})


def _back_from(refs: list[SnapshotRef], ref: SnapshotRef) -> list[SnapshotRef]:
    """A snapshot and those before it, newest first."""
    return [one for one in reversed(refs) if one.id <= ref.id][:_LOOK_BACK]


def _is_whole(repository: Repository, ref: SnapshotRef) -> bool:
    """Whether a snapshot holds the whole instance. One that is damaged counts: the checks say what is wrong with it."""
    try:
        return read_header(repository.storage, ref).scope == "everything"
    except EngineError as exc:
        if exc.code not in ("repository-damaged", "object-missing", "format-unknown"):
            raise
        return True


def execute(made: ProofPlan, context: Context) -> ProofResult:
    """Prove. EngineError "verification-failed" where something is wrong, with the result as details, and what kept it from running."""
    memory.keep_freed_memory()
    result = ProofResult()
    proof = _prove(made, made.ref, made.options, result, context)
    if proof.good:
        result.newest_good = proof.snapshot
    else:
        _try_older(made, result, context)
    if result.ok:
        return result
    first = proof.problems[0]
    raise EngineError("verification-failed", f"Check {_check_of(first)} of {first.snapshot} failed: {first.object}: {first.message}",
                      _hint(result), result.to_dict())


def _try_older(made: ProofPlan, result: ProofResult, context: Context) -> None:
    """Until one can be brought back. What keeps one of them from being tried does not hide what is wrong with the newest."""
    for ref in made.older:
        try:
            good = _prove(made, ref, made.options, result, context).good
        except EngineError as exc:
            result.notes.append(f"Older snapshots could not be tried: {exc.message}")
            return
        if good:
            result.newest_good = ref.id
            return


def _check_of(problem: verify.Problem) -> str:
    return _BELONGS.get(problem.check, problem.check)


def _hint(result: ProofResult) -> str:
    """What to do next."""
    if result.proofs[0].good:
        return "See why backups have stopped: the snapshot itself can be brought back."
    tried = len(result.proofs) - 1
    if result.newest_good:
        return f"The newest snapshot that can be brought back is {result.newest_good}. Make a new backup and prove it."
    return f"Of {tried} older snapshots none can be brought back either." if tried else "There is no older snapshot that was tried."


def _prove(made: ProofPlan, ref: SnapshotRef, options: ProofOptions, result: ProofResult, context: Context) -> Proof:
    """Prove one snapshot and record it."""
    proof, started = Proof(ref.id), context.clock.elapsed()
    result.proofs.append(proof)
    failure = None
    try:
        _Attempt(made, ref, proof, options, context).run()
    except EngineError as exc:
        proof.stopped, failure = exc.code, exc
    proof.duration_s = context.clock.elapsed() - started
    _record(made.repository, proof, options.by, failure, result)
    if failure is not None:
        running = next((check.name for check in proof.checks if check.result == FAILED), "")
        details = {**failure.details, **result.to_dict(), "check": running}
        raise EngineError(failure.code, failure.message, failure.hint, details) from failure
    return proof


def _record(repository: Repository, proof: Proof, by: str, failure: EngineError | None, result: ProofResult) -> None:
    """Leave a record. Credentials that may only read are no reason to fail, and are said."""
    said = {
        "engine": VERSION, "host": socket.gethostname(), "by": by, "openclaw": proof.openclaw,
        "duration_ms": round(proof.duration_s * 1000),
        "checks": [{"name": check.name, "result": check.result, "ms": round(check.duration_s * 1000)} for check in proof.checks]}
    for name, value in (("recovery_ms", proof.recovery_s), ("sessions", proof.sessions), ("agents", proof.agents)):
        if value is not None:
            said[name] = round(value * 1000) if name == "recovery_ms" else value
    if failure is not None:
        said["error_code"] = failure.code
    message = failure.message if failure else "; ".join(f"{one.check}: {one.object}: {one.message}" for one in proof.problems[:20])
    try:
        verifications.create(
            repository, proof.snapshot, LEVEL, None if failure else proof.good, said, message)
    except EngineError as exc:
        result.recorded = False
        result.notes.append(f"The verification could not be recorded: {exc.message}")


class _Attempt:
    """The checks of one snapshot, in their order."""

    def __init__(self, made: ProofPlan, ref: SnapshotRef, proof: Proof, options: ProofOptions, context: Context) -> None:
        self._made, self._ref, self._proof, self._options, self._context = made, ref, proof, options, context
        self._repository = made.repository

    def run(self) -> None:
        """Fill in the proof. EngineError for what keeps the checks from being made; the running one counts as failed then."""
        try:
            self._checks()
        except OSError as exc:
            raise EngineError(
                "sandbox-failed", f"The throw-away place cannot be used: {exc}", "Proofs are made by root, on a host with systemd."
            ) from exc

    def _checks(self) -> None:
        self._run("freshness", self._freshness)
        if self._options.snapshot != "latest" or not self._options.max_age:
            self._proof.check("freshness").result = model.SKIPPED
        header, manifest = self._run("repository", self._load)
        if header is None:
            return
        place = self._run("restore", lambda: Place(
            self._options.place, self._options.registry, room_for(header.bytes), self._options.memory, self._context))
        try:
            self._read(place)
            if self._proof.good:
                self._boot(place, manifest)
        finally:
            place.remove()

    def _run(self, name: str, work):
        """Do a check's work, and note its time and result."""
        check, before, started = self._proof.check(name), len(self._proof.problems), self._context.clock.elapsed()
        check.result = FAILED  # if it does not come to its end
        found = work()
        check.duration_s += round(self._context.clock.elapsed() - started, 3)
        check.result = PASSED if len(self._proof.problems) == before else FAILED
        return found

    def _problem(self, check: str, name: str, message: str) -> None:
        self._proof.problems.append(verify.Problem(self._ref.id, check, name, message))

    def _freshness(self) -> None:
        options, now = self._options, self._repository.storage.now()
        if options.snapshot != "latest" or not options.max_age or self._ref.id != max(self._made.all_refs):
            return
        age = now - (self._ref.modified if options.last_good is None else options.last_good)
        if age > options.max_age:
            self._problem("freshness", self._ref.id, (
                f"the last good backup is {durations.short(age)} old, and {durations.short(options.max_age)} is the most it may be"))

    def _load(self):
        """(header, manifest); (None, None) and a problem for a snapshot that cannot be read."""
        try:
            return self._repository.load(self._ref)
        except EngineError as exc:
            if exc.code not in ("repository-damaged", "object-missing", "format-unknown"):
                raise
            self._problem("manifest", self._ref.name, exc.message)
            return None, None

    def _read(self, place: Place) -> None:
        """All that a verification reads, with the restore that it makes."""
        options = verify.VerifyOptions("restore", self._ref.id, 100.0, place.root)
        inner = verify.VerifyPlan(self._repository, options, [self._ref], self._made.all_refs)
        found = verify.VerifyResult("restore", 100.0, [self._ref.id])
        verify.inspect(inner, self._context, found)
        self._proof.problems += found.problems
        for check in found.checks:
            ours = self._proof.check(_BELONGS[check["name"]])
            ours.duration_s = round(ours.duration_s + check["duration_s"], 3)
        failed = {_check_of(problem) for problem in found.problems}
        for name in set(_BELONGS.values()):
            self._proof.check(name).result = FAILED if name in failed else PASSED
        self._proof.files, self._proof.databases = found.files_checked, found.databases_checked
        self._proof.bytes_read = found.bytes_read

    def _boot(self, place: Place, manifest) -> None:
        """OpenClaw's own judgement, and its start."""
        instance = manifest.meta["instance"]
        paths = [entry.path for entry, _line in entries_of(manifest, self._ref.id) if entry.type == FILE]
        expected = boot.expect(paths, place.root, instance["config_path"])
        sandbox = self._run("openclaw", lambda: self._judge(place, manifest, paths))
        if not self._proof.good:
            return
        booted = self._run("boot", lambda: self._start(sandbox, expected))
        self._proof.sessions, self._proof.agents = booted.sessions, booted.agents
        if booted.ready_s is not None:
            self._proof.recovery_s = self._proof.check("restore").duration_s + booted.ready_s

    def _judge(self, place: Place, manifest, paths: list[str]) -> Sandbox:
        versions = manifest.meta["instance"]["versions"]
        wanted = versions.get("openclaw") if isinstance(versions.get("openclaw"), str) else ""
        program = programs.choose(self._options.programs, wanted or "", self._context)
        self._proof.openclaw = program.version
        if wanted and program.version != wanted:
            self._proof.notes.append(f"OpenClaw {wanted} wrote the snapshot, and {program.version} of this host judged and booted it")
        apply_edits(_staged(place, manifest.meta), EditOptions(), self._context)
        sandbox = Sandbox(place, manifest.meta, program, self._options.memory, self._context)
        sandbox.prepare()
        problems, notes = judgement.judge(sandbox, paths, manifest.meta["instance"], program.version)
        for path, message in problems:
            self._problem("openclaw", path, message)
        self._proof.notes += notes
        return sandbox

    def _start(self, sandbox: Sandbox, expected: boot.Expected) -> boot.Booted:
        booted = boot.boot(sandbox, expected, self._options.timeout, self._context)
        self._proof.notes += booted.notes
        for message in booted.problems:
            self._problem("boot", "the gateway", message)
        return booted


def _staged(place: Place, meta: dict) -> Staged:
    """The restored state, where it was at capture: what a real restore does to it is done here too."""
    instance = meta["instance"]
    side = Side(**{name: instance[name] for name in ("user", "uid", "gid", "home", "profile", "state_dir", "config_path")})
    return Staged(meta, Placement(side, side), lambda path: place.root + path)
