# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Back up one instance: plan() reads and decides, execute() stores."""
from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace

from . import lock, memory
from ._version import VERSION
from .backup_compare import pair, same
from .backup_parent import choose_parent, open_parent
from .backup_pins import Pins
from .backup_run import Run, Totals
from .capture import content, sqlite, walk
from .capture.instance import LOSSES
from .capture.model import Instance, Root
from .capture.walk import Scan
from .errors import EngineError
from .hold import Hold, Outcome
from .options import CONSISTENCIES, KINDS, ON_BUSY, SCOPES, BackupOptions
from .ports import Context
from .repository import names
from .repository.known import Known, adopt_unfinished, from_parent, retire
from .repository.manifest import Entry, Manifest
from .repository.repository import Repository, SnapshotRef, list_packs
from .repository.snapshot import MAXIMUM_NOTE, Header
from .storage.base import ObjectInfo

COMPACTION_BUDGET = 64 << 20  # stored bytes that one run may store anew to let old packs die


@dataclass
class Source:
    """What to back up: an instance, the roots that the options select of it, and the rules of the walk.

    roots: disjoint, where walks begin. all_roots: those too that lie in another; recorded, since they say which path is what.
    """

    instance: Instance
    roots: tuple[Root, ...]
    rules: walk.Rules = field(default_factory=walk.Rules)
    all_roots: tuple[Root, ...] = ()


@dataclass
class BackupPlan:
    """What a backup would do. changed and bytes_changed: files to be read, and their content; removed: gone since the parent.

    databases: those to be read. kept: those that are as the parent has them, with its entries.
    """

    source: Source
    options: BackupOptions
    repository: Repository
    scan: Scan
    parent: tuple[Header, Manifest] | None
    parent_ref: SnapshotRef | None
    refs: list[SnapshotRef]
    packs: dict[str, ObjectInfo]
    known: Known
    files_changed: int = 0
    bytes_changed: int = 0
    metadata_changed: int = 0
    removed: int = 0
    databases: list[str] = field(default_factory=list)
    kept: dict[str, Entry] = field(default_factory=dict)
    changed_paths: list[str] = field(default_factory=list)

    @property
    def newest(self) -> str | None:
        """The id of the newest snapshot, of whatever scope."""
        return self.refs[-1].id if self.refs else None

    @property
    def changed(self) -> bool:
        """Whether a snapshot would be made."""
        return bool(
            self.options.force or self.parent is None or self.files_changed or self.metadata_changed or self.removed or self.known.lost
            or self.options.name)

    def to_dict(self) -> dict:
        """For check mode and people."""
        return {
            "changed": self.changed, "instance": self.source.instance.name, "scope": self.options.scope, "kind": self.options.kind,
            "roots": [asdict(root) for root in self.source.roots], "files": self.scan.files, "bytes": self.scan.bytes,
            "files_changed": self.files_changed, "bytes_changed": self.bytes_changed, "files_removed": self.removed,
            "databases": list(self.databases), "parent": self.parent[0].id if self.parent else None,
            "packs_lost": list(self.known.lost), "excluded": dict(self.scan.excluded), "changed_paths": self.changed_paths,
            "omissions": [{"path": path, "reason": reason} for path, reason in self.scan.omissions]}


def plan(repository_of, source: Source, options: BackupOptions, context: Context) -> BackupPlan:
    """Look at the instance and at the repository; changes neither.

    repository_of: called without arguments on a thread of its own, opens the repository (stretching a passphrase takes
    as long as the walk). Raises EngineError.
    """
    memory.keep_freed_memory()
    names.require_utf8()
    _check_options(options)
    walk.require(root.path for root in source.roots if root.required)
    with ThreadPoolExecutor(1, "open") as pool:
        opening = pool.submit(open_parent, repository_of, options)
        scan = _look_around(source, options)
        repository, parent, ref, refs, packs = opening.result()
    return _decided(BackupPlan(source, options, repository, scan, parent, ref, refs, packs, Known()))


def _look_around(source: Source, options: BackupOptions) -> Scan:
    """All files that are there now, and what is known to be missing."""
    scan = walk.walk([root.path for root in source.roots], source.rules)
    if options.scope in ("everything", "state"):
        scan.omissions += [(finding.path, finding.code) for finding in source.instance.findings if finding.code in LOSSES]
    if not scan.files:
        raise EngineError(
            "nothing-to-back-up", "There is no file in what the options select", "Check the instance, the scope and the exclusions.")
    return scan


def _decided(wanted: BackupPlan) -> BackupPlan:
    """The plan with what is to be read."""
    made = _compared(wanted)
    if made.changed and made.parent:
        retire(made.known, COMPACTION_BUDGET)
        for path in [path for path, entry in made.kept.items() if not made.known.usable(entry.runs)]:
            _read_anew(made, path)
    return made


def _planned_anew(made: BackupPlan) -> BackupPlan:
    """The same plan for what is there now. A snapshot was wanted already; that stays so."""
    made.scan.clear()
    fresh = replace(made, scan=_look_around(made.source, made.options), files_changed=0, bytes_changed=0, metadata_changed=0, removed=0)
    return _decided(fresh)


def _compared(wanted: BackupPlan) -> BackupPlan:
    """The plan, compared with its parent; with the next best where the entries of that one turn out not to be sound."""
    unsound: list[SnapshotRef] = []
    while True:
        known = from_parent(wanted.parent[1].tables, wanted.packs) if wanted.parent else Known()
        made = replace(wanted, known=known, kept={}, databases=[], changed_paths=[])
        try:
            _compare(made)
            return made
        except ValueError:
            if not wanted.parent:
                raise
        unsound.append(wanted.parent_ref)
        rest = [ref for ref in wanted.refs if ref not in unsound]
        parent, ref = choose_parent(wanted.repository, rest, wanted.options.scope)
        wanted = replace(wanted, parent=parent, parent_ref=ref)


def _check_options(options: BackupOptions) -> None:
    if options.scope not in SCOPES:
        raise EngineError("option-invalid", f"There is no scope {options.scope!r}", f"Scopes: {', '.join(SCOPES)}.")
    if options.kind not in KINDS:
        raise EngineError("option-invalid", f"There is no kind {options.kind!r}", f"Kinds: {', '.join(KINDS)}.")
    for name, value, known in (("consistency", options.consistency, CONSISTENCIES), ("on_busy", options.on_busy, ON_BUSY)):
        if value not in known:
            raise EngineError("option-invalid", f"The option {name} cannot be {value!r}", f"Choices: {', '.join(known)}.")
    if len(options.note) > MAXIMUM_NOTE:
        raise EngineError("option-invalid", f"The note has {len(options.note):,} characters", f"At most {MAXIMUM_NOTE:,} fit.")
    if options.name is not None:
        check_name(options.name)


def check_name(name: str) -> None:
    """EngineError "name-invalid" unless a snapshot may be called this: it must not look like an id, vN or latest."""
    import re
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name) or re.fullmatch(r"(?i)v\d+|latest|\d{4}-?\d\d.*", name):
        raise EngineError(
            "name-invalid", f"{name!r} cannot be a snapshot's name",
            "Use 1 to 63 letters, digits, dots, hyphens and underscores; not vN, latest or a date.")


def _compare(made: BackupPlan) -> None:
    """Count what changed, and find the databases that must be pinned."""
    known_places, owners, files = set(made.source.instance.databases), set(), set()
    for row, entry in pair(made.scan, made.parent[1] if made.parent else None):
        if row is None:
            made.removed += not (entry.database or {}).get("part_of")
            continue
        owner = sqlite.database_of(row.path)
        if owner in owners:
            _compare_sidecar(made, owner, entry)
            continue
        if entry is not None and same(row, entry) and made.known.usable(entry.runs):
            if entry.database is not None:
                made.kept[row.path] = entry
                owners.add(row.path)
            continue
        if not row.is_file:
            made.metadata_changed += 1
        else:
            if row.identity not in files and _is_database(row, known_places):
                made.databases.append(row.path)
                owners.add(row.path)
            if row.links > 1:
                files.add(row.identity)  # closing another name of a database would drop the locks on it
            made.files_changed += 1
            made.bytes_changed += row.size
        if len(made.changed_paths) < 1000:
            made.changed_paths.append(row.path)
    # A journal comes and goes with every commit. What it held is in its database, which is captured as SQLite sees it.
    made.scan.omissions = [(path, why) for path, why in made.scan.omissions if why != "vanished" or sqlite.database_of(path) not in owners]


def _is_database(row: walk.Row, known_places: set[str]) -> bool:
    if row.path in known_places and row.size:
        return True
    return content.may_be_database(row.size) and content.is_database(row.path)


def _compare_sidecar(made: BackupPlan, owner: str, entry: Entry | None) -> None:
    """A sidecar that is stored with a kept database needs its chunks, too."""
    if owner not in made.kept or entry is None or (entry.database or {}).get("part_of") != owner:
        return
    made.kept[owner].runs += entry.runs
    if not made.known.usable(entry.runs):
        _read_anew(made, owner)


def _read_anew(made: BackupPlan, path: str) -> None:
    made.files_changed += 1
    made.bytes_changed += made.kept.pop(path).size
    made.databases.append(path)


@dataclass
class BackupResult:
    """What a backup did. header: of the new snapshot, or of the unchanged one. version: its position. omissions: (path, reason)."""

    changed: bool
    header: Header
    version: int
    name: str | None
    omissions: list[tuple[str, str]]
    damaged_databases: list[tuple[str, str]]
    requests: int
    duration_s: float
    hold: Outcome = field(default_factory=Outcome)
    files_changed_since: int = 0

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        header = self.header
        snapshot = {key: getattr(header, key) for key in (
            "id", "kind", "scope", "created", "files", "bytes", "bytes_stored", "chunks_new", "chunks_reused", "omissions", "excluded")}
        return {
            "changed": self.changed, "snapshot": {
                **snapshot, "name": self.name, "version": f"v{self.version}", "duration_s": round(self.duration_s, 3),
                "requests": self.requests},
            "omissions": [{"path": path, "reason": reason} for path, reason in self.omissions],
            "damaged_databases": [{"path": path, "quick_check": found} for path, found in self.damaged_databases],
            **self.hold.to_dict(), "files_changed_since": self.files_changed_since}


def execute(made: BackupPlan, context: Context) -> BackupResult:
    """Store the snapshot that was planned. Raises EngineError; whatever was uploaded until then serves the next run.

    "gateway-start-failed" comes after the snapshot was stored; details["result"] is the result then.
    """
    repository, started = made.repository, context.clock.elapsed()
    held = lock.WriterLock(repository.cache.directory)
    try:
        result = _store(made, context, started) if made.changed else _unchanged(made, context, started)
    except EngineError as exc:
        _record_failure(repository, exc)
        raise
    finally:
        held.release()
    if result.hold.failure is not None:
        failure = result.hold.failure
        failure.details["result"] = result.to_dict()
        raise failure
    return result


def _store(made: BackupPlan, context: Context, started: float) -> BackupResult:
    """Pin, read, store and commit; if all that was read turns out to be as it was, no snapshot is made."""
    repository = made.repository
    made, pins, hold = _hold_and_pin(made, context)
    try:
        adopt_unfinished(made.known, repository.storage, repository.bundle.catalog_key, repository.id, made.packs)
        run = Run(made, pins, context)
        totals = run.capture()
    finally:
        pins.release()
    wanted = made.options.force or made.options.name or made.known.lost
    if made.parent and not (totals.changed or wanted or _other_omissions(made, totals)):
        return _unchanged(made, context, started, hold)
    header = _commit(made, run, totals, context, started)
    return BackupResult(
        True, header, len(made.refs) + 1, made.options.name, totals.omissions, totals.damaged, repository.storage.traffic.total_requests,
        context.clock.elapsed() - started, hold, totals.later if pins.consistency != "live" else 0)


def _hold_and_pin(made: BackupPlan, context: Context) -> tuple[BackupPlan, Pins, Outcome]:
    """Pin the databases while the gateway holds still, as far as the options want that.

    The walk is done anew then: what was written while the gateway's work came to its end belongs to that moment too.
    """
    hold, pins = Hold(made.source.instance, made.options, context), None
    try:
        with hold:
            if hold.still:
                made = _planned_anew(made)
            pins = Pins(made, hold.outcome.used, hold.ends, hold.restarts)
    except BaseException as exc:
        if pins is not None:
            pins.release()
        if hold.outcome.failure is not None:
            raise hold.outcome.failure from exc
        raise
    pins.consistency = hold.outcome.used
    return made, pins, hold.outcome


def _other_omissions(made: BackupPlan, totals: Totals) -> bool:
    """Whether other things are missing than in the parent. What vanished by itself is not missing."""
    before = {(item["path"], item["reason"]) for item in made.parent[1].meta.get("omissions", [])}
    return any(reason != "vanished" for _path, reason in before ^ set(totals.omissions))


def _unchanged(made: BackupPlan, context: Context, started: float, hold: Outcome | None = None) -> BackupResult:
    header, manifest = made.parent
    repository = made.repository
    repository.record_run("unchanged", {"snapshot": header.id, "host": socket.gethostname(), "kind": made.options.kind})
    if repository.cache.read(made.parent_ref.name) is None:
        repository.remember_keys()
        repository.cache.write(made.parent_ref.name, [repository.storage.get(made.parent_ref.name)])
    omissions = [(item["path"], item["reason"]) for item in manifest.meta.get("omissions", [])]
    damaged = [(item["path"], item["quick_check"]) for item in manifest.meta.get("damaged_databases", [])]
    return BackupResult(
        False, header, made.refs.index(made.parent_ref) + 1, manifest.meta.get("name"), omissions, damaged,
        repository.storage.traffic.total_requests,
        context.clock.elapsed() - started, hold or Outcome(made.options.consistency))


def _commit(made: BackupPlan, run: Run, totals: Totals, context: Context, started: float) -> Header:
    """Check that every pack named exists, then create the snapshot: that is the backup."""
    repository = made.repository
    stored = list_packs(repository.storage)
    gone = [row.pack for row in run.tables.packs if row.pack not in stored or stored[row.pack].size != row.size]
    if gone:
        raise EngineError(
            "pack-missing", f"{len(gone)} packs that this backup needs are not at {repository.storage.url}, {gone[0]} among them",
            "Run the backup again: it stores them anew. If this repeats, something deletes objects there.")
    header, parts = run.snapshot(names.next_id(context.clock.now(), made.newest), totals, context.clock.elapsed() - started)
    name = names.snapshot_object(header.id)
    repository.storage.create(name, parts)
    repository.cache.keep_only_snapshot(name)
    repository.cache.write(name, parts)
    if repository.cache.read(names.REPOSITORY) is None:
        repository.remember_keys()
    repository.record_run("success", {
        "snapshot": header.id, "host": socket.gethostname(), "kind": header.kind, "omissions": header.omissions, "engine": VERSION,
        "bytes_stored": header.bytes_stored, "duration_ms": header.duration_ms})
    return header


def _record_failure(repository: Repository, failure: EngineError) -> None:
    """Leave a record of the failure where that is possible; the failure itself is what is reported."""
    try:
        repository.record_run("failure", {"error_code": failure.code, "host": socket.gethostname()}, failure.message)
    except EngineError:
        return
