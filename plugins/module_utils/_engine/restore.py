# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Restore a snapshot, or part of it, below a directory: plan() reads and decides, execute() writes there and nowhere else."""
from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from . import memory, restore_databases
from .capture.paths import existing_directory
from .errors import EngineError
from .ports import Context, ProgressState
from .repository import names
from .repository.manifest import DIRECTORY, FILE, HARD_LINK, Entry, Manifest, entry_of_line
from .repository.reader import FrameReader
from .repository.repository import Repository, SnapshotRef
from .repository.snapshot import Header
from .repository.tables import Tables
from .restore_seed import RECORD, Seed, open_seed, read_record
from .restore_selection import Choice, selection
from .restore_tree import Tree, set_metadata, target_error
from .restore_write import FileWriter, Listener, Outcome
from .snapshots import find

_REPORT_EVERY = 8 << 20


@dataclass(frozen=True)
class RestoreOptions:
    """One restore. target: an empty or new directory; the original absolute paths appear below it.

    paths: only these and what is below them, absolute or relative to the state directory. components: only these.
    check_databases: fold in every database's WAL and run SQLite's quick_check on it.
    seed: a directory with an earlier whole restore of the repository, on the same file system. What the target shall have too is
        moved there instead of being read from the storage, and the directory is removed.
    """

    snapshot: str = "latest"
    target: str = ""
    paths: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    check_databases: bool = True
    seed: str | None = None


@dataclass
class RestorePlan:
    """What a restore would do. bytes: of content; room: what that takes on the disk."""

    repository: Repository
    options: RestoreOptions
    ref: SnapshotRef
    header: Header
    manifest: Manifest
    choice: Choice
    files: int = 0
    bytes: int = 0
    room: int = 0
    directories: int = 0
    links: int = 0
    databases: list[Entry] = field(default_factory=list)
    download: int = 0
    packs: int = 0
    done_before: bool = False
    seed: Seed | None = None

    @property
    def changed(self) -> bool:
        return not self.done_before

    def to_dict(self) -> dict:
        """For check mode and people."""
        return {
            "changed": self.changed, "snapshot": self.ref.id, "target": self.options.target, "files": self.files, "bytes": self.bytes,
            "directories": self.directories, "links": self.links, "bytes_to_read": self.download, "packs": self.packs,
            "omissions": self.manifest.meta.get("omissions", []), "state_dir": _placed(self.options.target, self.manifest)}


@dataclass
class RestoreResult:
    """What a restore did. refused: attributes that the target did not take. damaged: databases that were damaged at capture."""

    changed: bool
    header: Header
    target: str
    state_dir: str
    outcome: Outcome
    omissions: list[dict]
    damaged: list[dict]
    databases: int
    ownership_kept: bool
    requests: int
    duration_s: float
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        return {
            "changed": self.changed, "target": self.target, "state_dir": self.state_dir, "files": self.outcome.files,
            "bytes": self.outcome.bytes, "databases_checked": self.databases, "ownership_kept": self.ownership_kept,
            "omissions": self.omissions, "damaged_databases": self.damaged, "notes": self.notes,
            "attributes_refused": [{"path": path, "attributes": found} for path, found in sorted(self.outcome.refused.items())],
            "snapshot": {"id": self.header.id, "kind": self.header.kind, "scope": self.header.scope, "created": self.header.created,
                         "files": self.header.files, "bytes": self.header.bytes, "omissions": self.header.omissions,
                         "requests": self.requests, "duration_s": round(self.duration_s, 3)}}


def _placed(target: str, manifest: Manifest) -> str:
    return target.rstrip("/") + os.path.normpath("/" + manifest.meta["instance"]["state_dir"].lstrip("/"))


def plan(repository: Repository, options: RestoreOptions, context: Context) -> RestorePlan:
    """Find the snapshot and see what a restore to the target would take; writes nothing. EngineError."""
    memory.keep_freed_memory()
    names.require_utf8()
    if not options.target.startswith("/"):
        raise EngineError("option-invalid", f"The target {options.target!r} is not an absolute path", "Give an empty or new directory.")
    repository.reader()
    ref = find(repository, options.snapshot)
    header, manifest = repository.load(ref)
    return plan_loaded(RestorePlan(repository, options, ref, header, manifest, _choice(manifest, ref, options)))


def plan_loaded(made: RestorePlan) -> RestorePlan:
    """The same for a snapshot that is loaded already, with its choice of entries. EngineError."""
    _count(made)
    if not made.files and not made.links and not made.directories:
        raise EngineError(
            "nothing-selected", f"Snapshot {made.ref.id} holds nothing of what was asked for", "List its paths and components first.")
    made.done_before = _done_before(made)
    if not made.done_before:
        made.seed = open_seed(made.repository, made.options.seed, made.choice.path) if made.options.seed else None
        _check_target(made)
    return made


def _choice(manifest: Manifest, ref: SnapshotRef, options: RestoreOptions) -> Choice:
    everything = not options.paths and not options.components
    return Choice(manifest, ref.id, selection(manifest, options.paths, options.components), everything)


def _count(made: RestorePlan) -> None:
    frames: set[int] = set()
    tables = made.manifest.tables
    for entry, _line in made.choice.entries():
        if entry.type == DIRECTORY:
            made.directories += 1
        elif entry.type == FILE:
            made.files += 1
            made.bytes += entry.size
            made.room += _room(entry, tables)
            if entry.database is not None:
                made.databases.append(entry)
            for first, count, step in entry.runs:
                frames.update(tables.chunk_frame[first:first + count] if step else tables.chunk_frame[first:first + 1])
        else:
            made.links += 1
    made.download = sum(tables.frame_stored[frame] for frame in frames)
    made.packs = len({tables.frame_pack[frame] for frame in frames})


def _room(entry: Entry, tables: Tables) -> int:
    """The bytes that a file takes on the disk: in a sparse one, what repeats itself is a hole."""
    if not entry.sparse:
        return entry.size
    return sum(sum(tables.chunk_length[first:first + (count if step else 1)]) for first, count, step in entry.runs)


def _check_target(made: RestorePlan) -> None:
    """EngineError unless the target is new or empty, and there is room."""
    target = made.options.target
    try:
        if os.path.islink(target) or os.path.lexists(target) and (not os.path.isdir(target) or os.listdir(target)):
            raise EngineError(
                "target-not-empty", f"{target} is not an empty directory", "Choose an empty or new directory; nothing is ever overwritten.")
        room = os.statvfs(existing_directory(target))
    except OSError as exc:
        raise target_error(exc, target) from exc
    free = room.f_bavail * room.f_frsize + (made.seed.bytes if made.seed else 0)
    if free < made.room:
        raise EngineError(
            "target-full", f"{target} has {free:,} bytes free, and the restore needs {made.room:,}",
            "Make room, or choose another target.", {"free": free, "needed": made.room})


def _record_of(made: RestorePlan) -> dict:
    options = made.options
    return {
        "repository": made.repository.id, "snapshot": made.ref.id, "paths": list(options.paths), "components": list(options.components)}


def _done_before(made: RestorePlan) -> bool:
    """Whether this very restore is there already, every file with the size and time that it was given."""
    record = read_record(made.options.target)
    if record is None or {key: record.get(key) for key in _record_of(made)} != _record_of(made):
        return False
    folded = record["folded"]
    for entry, _line in made.choice.entries():
        try:
            found = os.lstat(made.options.target.rstrip("/") + entry.path)
        except OSError:
            if entry.path not in folded:
                return False
            continue
        if entry.type == FILE and [found.st_size, found.st_mtime_ns] != folded.get(entry.path, [entry.size, entry.modified]):
            return False
    return True


def execute(made: RestorePlan, context: Context) -> RestoreResult:
    """Write the files, check every one, then report. EngineError "restore-incomplete" names those that did not come back."""
    started, outcome, folded, checked = context.clock.elapsed(), Outcome(), {}, 0
    meta = made.manifest.meta
    if made.changed:
        try:
            tree = Tree(made.options.target)
        except OSError as exc:
            raise target_error(exc, made.options.target) from exc
        try:
            if made.seed:
                made.seed.begin()
            outcome, folded, checked = _Restorer(made, context, tree).run()
            _write_record(made, folded)
        except OSError as exc:
            raise target_error(exc, made.options.target) from exc
        finally:
            tree.close()
            if made.seed:
                made.seed.end()
    wanted = [item for item in meta.get("omissions", []) if made.choice.selected(item["path"])]
    hurt = [item for item in meta.get("damaged_databases", []) if made.choice.selected(item["path"])]
    return RestoreResult(
        made.changed, made.header, made.options.target, _placed(made.options.target, made.manifest), outcome, wanted, hurt, checked,
        os.geteuid() == 0, made.repository.storage.traffic.total_requests, context.clock.elapsed() - started)


def _write_record(made: RestorePlan, folded: dict) -> None:
    path = os.path.join(made.options.target, RECORD)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({**_record_of(made), "folded": folded}, stream)


class _Restorer:
    """One restore into a tree."""

    def __init__(self, made: RestorePlan, context: Context, tree: Tree) -> None:
        self._made, self._context, self._tree = made, context, tree
        self._progress = ProgressState("restore", 0, made.bytes, 0, made.files)
        self._reported = 0
        self._root = os.geteuid() == 0
        self._outcome = Outcome()

    def _owner(self, entry: Entry) -> tuple[int, int] | None:
        return (entry.uid, entry.gid) if self._root else None

    def _advance(self, count: int, files: int) -> None:
        self._progress.bytes_done += count
        self._progress.files_done += files
        if self._progress.bytes_done - self._reported >= _REPORT_EVERY:
            self._reported = self._progress.bytes_done
            self._context.progress.report(self._progress)

    def run(self) -> tuple[Outcome, dict, int]:
        """Everything, in the order that keeps links from being written through and directories' times from being lost."""
        outcome = self._outcome
        databases = self._made.databases if self._made.options.check_databases else []
        with restore_databases.Settler(databases, self._tree, outcome) as settler:
            directories, links = self._read(settler)
            checked = settler.finish()
        # Not before: SQLite would follow a link that lies in the place of a WAL.
        for entry in links:
            self._link(entry, outcome)
        for line in reversed(directories):
            self._finish_directory(entry_of_line(line), outcome)
        if outcome.failed:
            path, reason = next(iter(sorted(outcome.failed.items())))
            raise EngineError(
                "restore-incomplete",
                f"{len(outcome.failed)} files of snapshot {self._made.ref.id} did not come back, {path} among them: {reason}",
                "What came back is whole and stays; take the others from another snapshot, and verify the repository.",
                {"failed": [{"path": path, "reason": reason} for path, reason in sorted(outcome.failed.items())][:1000]})
        return outcome, settler.changed, checked

    def _read(self, settler: restore_databases.Settler) -> tuple[list[bytes], list[Entry]]:
        """The content of all files: (lines of directories, links) are left to be done.

        Databases come first: they are checked while the rest comes, and the rest is prepared while they come.
        """
        tables, seed = self._made.manifest.tables, self._made.seed

        def whole(path: str) -> None:
            if seed:
                seed.taken.discard(path)  # from now on, what fails is the database itself
            settler.arrived(path)
        databases = FileWriter(self._tree, tables, self._owner, self._outcome, Listener(self._advance, whole))
        others = FileWriter(self._tree, tables, self._owner, self._outcome, Listener(self._advance))
        for entry in self._made.databases:
            self._register(entry, databases)
        with FrameReader(self._made.repository, tables) as reader:
            reader.begin(databases.frames(), databases.consume)
            left = self._prepare(others, settler)
            reader.begin(others.frames(), others.consume)
            reader.finish()
            anew = FileWriter(self._tree, tables, self._owner, self._outcome, Listener(self._advance, whole))
            self._prepare_anew(anew)
            reader.begin(anew.frames(), anew.consume)
            reader.finish()
        return left

    def _register(self, entry: Entry, writer: FileWriter) -> None:
        made = self._made
        self._tree.make_directory(entry.path.rpartition("/")[0] or "/")
        writer.add(entry, made.seed.take(entry, made.manifest.tables, self._tree) if made.seed else None)

    def _prepare_anew(self, writer: FileWriter) -> None:
        """Files of the seed that turned out to be others than it said: all of their content comes from the storage."""
        failed, made = self._outcome.failed, self._made
        spoilt = made.seed.taken & failed.keys() if made.seed else set()
        for entry, _line in made.choice.entries() if spoilt else ():
            if entry.path in spoilt:
                del failed[entry.path]
                writer.add(entry)

    def _prepare(self, writer: FileWriter, settler: restore_databases.Settler) -> tuple[list[bytes], list[Entry]]:
        """Make the directories and register all files but databases: (lines of directories, links)."""
        directories, links = [], []
        for entry, line in self._made.choice.entries():
            settler.named(entry.path)
            if entry.type == DIRECTORY:
                self._tree.make_directory(entry.path)
                directories.append(line)
            elif entry.type != FILE:
                links.append(entry)
            elif entry.database is None:
                self._register(entry, writer)
        settler.all_named()
        return directories, links

    def _link(self, entry: Entry, outcome: Outcome) -> None:
        try:
            self._tree.make_directory(entry.path.rpartition("/")[0] or "/")
            if entry.type == HARD_LINK:
                if entry.target in outcome.failed or self._tree.lstat(entry.target) is None:
                    outcome.failed[entry.path] = f"it is another name of {entry.target}, which is not there"
                    return
                self._tree.hard_link(entry.path, entry.target)
            else:
                self._tree.symlink(entry.path, entry.target)
                self._tree.set_link_metadata(entry, self._owner(entry))
        except OSError as exc:
            if exc.errno in (22, 40):
                outcome.failed[entry.path] = f"it cannot be made: {os.strerror(exc.errno)}"
                return
            raise target_error(exc, self._tree.outside_path(entry.path)) from exc

    def _finish_directory(self, entry: Entry, outcome: Outcome) -> None:
        refused: list[str] = []
        descriptor = self._tree.open_directory(entry.path)
        try:
            set_metadata(descriptor, entry, self._owner(entry), refused)
        finally:
            os.close(descriptor)
        if refused:
            outcome.refused[entry.path] = refused
