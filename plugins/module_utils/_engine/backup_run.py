# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""One run of a backup: captures what changed, carries over what did not, and describes it all in a manifest."""
from __future__ import annotations

import grp
import os
import pwd
import socket
from dataclasses import asdict, dataclass, field

from . import memory
from ._version import VERSION
from .backup_compare import pair, same, same_but_for_the_clock
from .backup_files import FileStore, Vanished
from .backup_pins import Pins
from .capture import content, sqlite, sqlite_check
from .capture.walk import Row, order_key
from .ports import Context, ProgressState
from .repository import crypto, manifest, names, snapshot
from .repository.manifest import FILE, HARD_LINK, Entry
from .repository.writer import ChunkWriter

REPORT_EVERY = 8 << 20  # bytes between two reports of progress


@dataclass
class Totals:
    """What a run found. changed: how many entries differ from the parent's. damaged: databases whose check failed.

    later: files that were written between the walk and their reading.
    """

    changed: int = 0
    files: int = 0
    bytes: int = 0
    reused: int = 0
    omissions: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    exact: bool = True
    later: int = 0


class Run:
    """Captures what a plan says. capture() once, then snapshot()."""

    def __init__(self, made, pins: Pins, context: Context) -> None:
        self._made, self._context, self._pins = made, context, pins
        self._repository = made.repository
        self._id = names.next_id(context.clock.now(), made.newest)
        self._writer = ChunkWriter(made.repository, made.known, self._id, made.bytes_changed // content.SMALL_CHUNK)
        self._files = FileStore(self._writer, made.repository.bundle.chunk_key, self._advance, context.clock.now)
        self._entries = manifest.EntryWriter()
        self._progress = ProgressState("capture", 0, made.bytes_changed, 0, made.scan.files, 0)
        self._reported = 0
        self._totals = Totals(omissions=list(made.scan.omissions), exact=pins.exact)
        self._pinned = pins.databases
        self._read: dict[str, list[Entry] | Vanished] = {}
        self._kept = pins.kept
        self._waiting: list[Entry] = []
        self._links: dict[tuple[int, int], str] = {}
        self._users: set[int] = set()
        self._groups: set[int] = set()

    @property
    def tables(self):
        return self._writer.new.tables

    def _advance(self, count: int) -> None:
        self._progress.bytes_done += count
        if self._progress.bytes_done - self._reported >= REPORT_EVERY:
            self._report()

    def _report(self) -> None:
        self._reported = self._progress.bytes_done
        self._progress.bytes_stored = self._writer.bytes_stored
        self._context.progress.report(self._progress)

    def capture(self) -> Totals:
        """Read and store everything. Raises EngineError."""
        try:
            self._pins.start_checks()
            self._read_databases()
            for row, entry in pair(self._made.scan, self._made.parent[1] if self._made.parent else None):
                self._flush_waiting(order_key((row or entry).path))
                if row is not None:
                    self._take(row, entry)
                else:
                    self._totals.changed += self._owner(entry.path) is None
            self._flush_waiting(None)
            self._report()  # what was read is known now; storing it may take a while yet
            self._writer.finish()
        except BaseException:
            self._writer.abandon()
            raise
        finally:
            self._pins.release()
        self._report()
        return self._totals

    def _read_databases(self) -> None:
        """Databases come first, so that they are pinned for as short as can be; their entries wait for their place."""
        wanted = set(self._pinned)
        for row, entry in pair(self._made.scan, self._made.parent[1] if self._made.parent else None) if wanted else ():
            if row is None or row.path not in wanted:
                continue
            database = self._pinned[row.path]
            try:
                self._read[row.path] = self._files.database(row, database, entry if entry is not None and entry.type == FILE else None)
            except Vanished as exc:
                self._read[row.path] = exc
            self._totals.exact = self._totals.exact and not database.moved()
            database.done_reading()

    def _owner(self, path: str) -> str | None:
        """The database that a sidecar belongs to. A journal beside one that was read whole would undo it when it is opened."""
        base = sqlite.database_of(path)
        return base if base in self._pinned or base in self._kept else None

    def _take(self, row: Row, old: Entry | None) -> None:
        owner = self._owner(row.path)
        if owner is not None:
            if owner in self._kept and old is not None and (old.database or {}).get("part_of") == owner:
                self._carry_over(old)
            return
        if old is not None and self._is_kept(row, old):
            self._keep(row, old)
            return
        try:
            self._capture(row, old)
        except Vanished as exc:
            self._totals.omissions.append((row.path, exc.reason))
            self._totals.changed += old is not None

    def _is_kept(self, row: Row, old: Entry) -> bool:
        """Of a database, what the pins were decided on counts, not what it is now."""
        if old.database is not None:
            return row.path in self._kept
        return same(row, old) and self._made.known.usable(old.runs)

    def _keep(self, row: Row, old: Entry) -> None:
        """An entry that need not be read."""
        if old.type == HARD_LINK and self._links.get(row.identity) != old.target:
            self._capture(row, old)
            return
        if old.database is not None and sqlite_check.is_damaged(old.database.get("quick_check", "ok")):
            self._totals.damaged.append((row.path, old.database["quick_check"]))
        if row.is_file and row.links > 1:
            first = self._links.setdefault(row.identity, row.path)
            if first != row.path and old.type == FILE and old.database is None:
                self._capture(row, old)  # another name of it comes before it now
                return
        self._carry_over(old)

    def _carry_over(self, old: Entry) -> None:
        old.runs = self._writer.new.use_runs(old.runs)
        self._add(old)

    def _capture(self, row: Row, old: Entry | None) -> None:
        if not row.is_file:
            self._finish(self._files.plain(row), old)
            return
        if row.links > 1 and row.identity in self._links:
            target = self._links[row.identity]
            self._finish(Entry(row.path, HARD_LINK, row.mode & 0o7777, row.uid, row.gid, row.modified, target=target), old)
            return
        read, wal = self._read.get(row.path), []
        if read is None:
            entry = self._files.ordinary(row, old if old is not None and old.type == FILE else None)
            self._totals.later += (entry.modified, entry.size) != (row.modified, row.size)
        elif isinstance(read, Vanished):
            raise read
        else:
            entry, *wal = read
            self._describe(entry, self._pinned[row.path])
        if row.links > 1:
            self._links[row.identity] = row.path
        if entry.unstable:
            self._totals.omissions.append((row.path, "changed-while-read"))
        self._waiting = sorted([*self._waiting, *wal], key=lambda waiting: order_key(waiting.path))
        self._finish(entry, old)

    def _describe(self, entry: Entry, pinned: sqlite.Database) -> None:
        """What the checks found out. They may still run: a large one is waited for only here."""
        facts = pinned.facts()
        if entry.unstable and facts.quick_check != "ok":
            facts.quick_check = f"{sqlite.NOT_RUN}: it changed while it was read"
        entry.database.update(asdict(facts))
        if sqlite_check.is_damaged(facts.quick_check):
            self._totals.damaged.append((entry.path, facts.quick_check))

    def _finish(self, entry: Entry, old: Entry | None) -> None:
        self._totals.changed += old is None or not same_but_for_the_clock(old, entry)
        self._add(entry)

    def _flush_waiting(self, key: str | None) -> None:
        """Add WAL entries at their place in walk order: before the first path that follows them."""
        while self._waiting and (key is None or order_key(self._waiting[0].path) < key):
            self._add(self._waiting.pop(0))

    def _add(self, entry: Entry) -> None:
        self._users.add(entry.uid)
        self._groups.add(entry.gid)
        if entry.type == FILE:
            self._totals.files += 1
            self._totals.bytes += entry.size
            self._progress.files_done += 1
        self._entries.add(entry)

    def snapshot(self, snapshot_id: str, totals: Totals, duration: float) -> tuple[snapshot.Header, list[bytes]]:
        """Header and parts of the snapshot object."""
        self._made.scan.clear()
        if self._made.parent:
            self._made.parent[1].forget_entries()
        memory.give_back()
        made, bundle, salt = self._made, self._repository.bundle, crypto.random_key()[:16].hex()
        excluded = sum(made.scan.excluded.values()) + len(made.scan.specials)
        parent = None
        if made.parent:
            parent = {"id": made.parent[0].id, "digest": self._digest_of_parent()}
        header = snapshot.Header(
            bundle.repository, snapshot_id, names.id_of_time(self._context.clock.now()), made.options.kind, made.options.scope,
            made.options.name is not None, totals.files, totals.bytes, self._writer.bytes_stored, self._writer.new.new_chunks,
            self.tables.chunk_count - self._writer.new.new_chunks, len(totals.omissions), excluded, round(duration * 1000),
            made.source.instance.versions.get("openclaw") or "", tuple(row.pack for row in self.tables.packs), parent, salt=salt)
        body = manifest.encode(self._meta(totals), self._entries, self.tables)
        return snapshot.encode(bundle, header, made.options.name, made.options.note, body)

    def _digest_of_parent(self) -> str:
        ref = self._made.parent_ref
        data = self._repository.cache.read(ref.name)
        return snapshot.digest([data if data is not None and len(data) == ref.size else self._repository.storage.get(ref.name)])

    def _meta(self, totals: Totals) -> dict:
        made, instance = self._made, self._made.source.instance
        return {
            "engine": VERSION, "host": socket.gethostname(), "name": made.options.name, "note": made.options.note,
            "kind": made.options.kind, "scope": made.options.scope,
            "instance": {
                key: getattr(instance, key)
                for key in ("name", "user", "uid", "gid", "home", "profile", "state_dir", "config_path", "layout", "agents", "unit",
                            "versions")},
            "roots": [{**asdict(root), "present": os.path.lexists(root.path)} for root in made.source.all_roots or made.source.roots],
            "findings": [asdict(item) for item in instance.findings],
            "consistency": self._pins.consistency, "files_changed_since": totals.later, "moment_exact": totals.exact,
            "users": _names(self._users, pwd.getpwuid, "pw_name"),
            "groups": _names(self._groups, grp.getgrgid, "gr_name"),
            "excluded": dict(made.scan.excluded), "specials": made.scan.specials[:10_000],
            "omissions": [{"path": path, "reason": reason} for path, reason in totals.omissions],
            "damaged_databases": [{"path": path, "quick_check": found} for path, found in totals.damaged],
            "totals": {"files": totals.files, "bytes": totals.bytes}}


def _names(ids: set[int], look_up, attribute: str) -> dict[str, str]:
    found = {}
    for number in ids:
        try:
            found[str(number)] = getattr(look_up(number), attribute)
        except KeyError:
            continue
    return found
