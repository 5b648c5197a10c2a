# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Does what a plan of a restore in place says, or leaves everything as it was.

Stage and check while the gateway runs; snapshot the live state; stop; swap; start; see it healthy; commit. Each phase is in
the journal before its first step. Whatever fails until the commit is taken back, and the old gateway started again.
"""
from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field, replace
from typing import Callable

from .. import backup, lock
from ..edits.anchors import forget_in_copy
from ..edits.apply import apply, repeat_past
from ..edits.partial import at_last
from ..edits.staged import Change, Staged
from ..errors import EngineError
from ..gateway.health import Health
from ..gateway.version_switch import Switch
from ..ports import Context, ProgressState
from . import aside, journal, live, marker, staging, version_step
from .attendant import Attendant
from .journal import STAGED, SWAPPED, SWAPPING, Journal
from .plan import InPlacePlan, what_is_there
from .swap import put_new, synchronise, synchronise_file_systems
from .undo import undo

LOG = "attempt-{}.log"


@dataclass
class InPlaceResult:
    """What a restore did. Times in seconds; downtime from the order to stop until the gateway is healthy, of that stop and start."""

    plan: dict
    changed: bool
    pre_restore: str | None = None
    files: int = 0
    bytes: int = 0
    databases: int = 0
    damaged: list[dict] = field(default_factory=list)
    refused: list[dict] = field(default_factory=list)
    edits: dict = field(default_factory=lambda: {"changes": [], "unmapped": []})
    aside: list[str] = field(default_factory=list)
    aside_until: float | None = None
    removed: list[str] = field(default_factory=list)
    judged: dict | None = None
    health: dict | None = None
    downtime: float = 0.0
    stop: float = 0.0
    start: float = 0.0
    duration: float = 0.0
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        return {
            "changed": self.changed, "plan": self.plan, "state_dir": self.plan["state_dir"], "pre_restore_snapshot": self.pre_restore,
            "files": self.files, "bytes": self.bytes, "databases_checked": self.databases, "damaged_databases": self.damaged,
            "attributes_refused": self.refused, "edits": self.edits, "judged": self.judged,
            "aside": self.aside, "aside_until": self.aside_until,
            "asides_removed": self.removed, "health": self.health, "omissions": self.plan["omissions"],
            "channels_failing": (self.health or {}).get("channels_failing", []), "downtime_s": round(self.downtime, 3),
            "stop_s": round(self.stop, 3), "start_s": round(self.start, 3), "duration_s": round(self.duration, 3), "notes": self.notes}


def execute(made: InPlacePlan, context: Context) -> InPlaceResult:
    """Restore over the live state, or raise EngineError with the old state in place.

    "restore-undone": something failed after the gateway was stopped; the message says what, and details["log"] holds the last
    lines of what the gateway said. "restore-undo-incomplete": even going back failed; recover() goes on. Else those of plan(),
    restore.execute() and of backups.
    """
    return _attempt(made, context, lambda attempt: attempt.run())


def rehearse(made: InPlacePlan, context: Context) -> InPlaceResult:
    """Do what execute() does before it stops anything, then remove it again. EngineError of execute(); nothing is left then, too."""
    directory = journal.directory_of(made.state_dir)
    known = os.path.lexists(directory)
    try:
        return _attempt(made, context, lambda attempt: attempt.rehearse())
    finally:
        if not known:
            shutil.rmtree(directory, ignore_errors=True)


def _attempt(made: InPlacePlan, context: Context, what: Callable[[_Attempt], InPlaceResult]) -> InPlaceResult:
    started = context.clock.elapsed()
    directory = journal.directory_of(made.state_dir)
    if not made.changed:
        return InPlaceResult(made.to_dict(), False, duration=context.clock.elapsed() - started)
    journal.make_directory(directory)
    held = lock.WriterLock(directory, "restore")
    try:
        result = what(_Attempt(made, context, directory))
    finally:
        held.release()
    result.duration = context.clock.elapsed() - started
    return result


class _Attempt:
    """One restore from its first step to its commit."""

    def __init__(self, made: InPlacePlan, context: Context, directory: str) -> None:
        self._made, self._context = made, context
        self._attendant = Attendant(made.gateway, made.options.gateway, context)
        self._result = InPlaceResult(made.to_dict(), True)
        self._journal = Journal(directory, made.attempt, made.state_dir, made.repository.id, made.ref.id, staging=made.stagings)
        self._staged = Staged(made.manifest.meta, made.placement, made.disk, made.sources)
        self._start_wanted = False
        self._fence = self._attendant.standing_fence() if made.options.unfence else None
        self._switch_of_versions: Switch | None = None

    def run(self) -> InPlaceResult:
        """All of it. EngineError."""
        runs = self._attendant.check()
        self._start_wanted = self._wants_start(runs)
        self._result.removed = aside.remove_expired(self._journal.directory, self._context)
        self._journal.save()
        held = None
        try:
            self._prepare()
            held = lock.WriterLock(self._made.repository.cache.directory)  # a backup of what is half swapped would be none
            self._switch(runs)
        except BaseException as exc:
            self._take_back(exc)
            raise
        finally:
            self._attendant.unguard()
            if held:
                held.release()
        self._context.checkpoint("committed")
        self._finish()
        return self._result

    def rehearse(self) -> InPlaceResult:
        """Its first half. EngineError."""
        self._attendant.check()
        self._journal.save()
        try:
            self._prepare()
        finally:
            undo(self._journal, self._attendant, self._context)
        self._result.changed = False
        return self._result

    def _wants_start(self, runs: bool) -> bool:
        wanted = self._made.options.start
        should = self._fence.was_enabled if self._fence else self._attendant.starts_by_itself
        return wanted == "always" or wanted == "auto" and (runs or should)

    def _prepare(self) -> None:
        """Everything that can be done, and fail, while the gateway still runs."""
        made, context, result = self._made, self._context, self._result
        self._tell("staging")
        for done in staging.restore_parts(made, context):
            result.files += done.outcome.files
            result.bytes += done.outcome.bytes
            result.databases += done.databases
            result.damaged += done.damaged
            result.refused += done.to_dict()["attributes_refused"]
        result.edits = apply(self._staged, made.options.edits, context).to_dict()
        context.checkpoint("edited")
        self._fetch_version()
        result.judged = version_step.require_readable(made, self._staged, self._switch_of_versions, context)
        staging.settle(made)
        context.checkpoint("staged")
        if made.options.pre_restore and made.source:
            self._tell("snapshot of the live state")
            result.pre_restore = self._snapshot()
        self._journal.enter(STAGED)
        context.checkpoint("prepared")

    def _fetch_version(self) -> None:
        """Bring the snapshot's OpenClaw, where it is to be installed, beside the one that runs."""
        if self._made.versions.install:
            self._tell("fetching OpenClaw")
            self._switch_of_versions = version_step.prepare(self._made, self._context)
            self._journal.version = self._switch_of_versions.to_dict()
            self._journal.save()
            self._context.checkpoint("version-fetched")

    def _snapshot(self) -> str:
        """A snapshot of what is there now; its id."""
        made = self._made
        options = replace(made.backup, note=f"before the restore of {made.ref.id}")
        planned = backup.plan(lambda: made.repository, made.source.source, options, self._context)
        return backup.execute(planned, self._context).header.id

    def _switch(self, runs: bool) -> None:
        """Stop, swap, start, commit."""
        context, made, result, found, clock = self._context, self._made, self._result, self._journal, self._context.clock
        found.running = runs
        found.until = clock.now() + made.options.aside_seconds()
        found.save()
        if note := self._attendant.close_gate(found.path):
            result.notes.append(note)
        context.checkpoint("gate-closed")
        if note := self._attendant.guard(made.options.gateway.stop_timeout):
            result.notes.append(note)
        self._tell("stopping the gateway")
        stopped_at = clock.elapsed()
        self._attendant.stop()
        result.stop = clock.elapsed() - stopped_at if runs else 0.0
        self._attendant.guard(made.options.gateway.start_timeout)
        context.checkpoint("stopped")
        self._edit_at_last()
        self._swap()
        if self._switch_of_versions:
            self._switch_of_versions.activate(made.location, made.options.gateway, context)
            context.checkpoint("version-activated")
        self._attendant.open_gate()
        context.checkpoint("gate-opened")
        if self._fence:
            self._attendant.unfence()
            context.checkpoint("unfenced")
        if self._start_wanted:
            self._start()
        result.downtime = clock.elapsed() - stopped_at if runs else 0.0
        context.checkpoint("before-commit")
        found.commit()

    def _edit_at_last(self) -> None:
        """What can only be done when nothing writes any more; and cron, for which time has gone by."""
        made, context = self._made, self._context
        changes = repeat_past(self._staged, made.options.edits, context).changes
        if made.instance:
            changes += at_last(
                self._staged, made.state_dir, made.location.config_path, made.options.merge, made.whole, made.options.edits, context)
        changes += self._forget_config()
        self._result.edits["changes"] += [vars(change) for change in changes]
        if changes:
            synchronise_file_systems(made.stagings)
            context.checkpoint("edited-at-last")

    def _forget_config(self) -> list[Change]:
        """A config came without the global database, which remembers another one: swap in a copy of it that does not."""
        made = self._made
        if not made.remembers:
            return []
        changes = forget_in_copy(made.remembers, made.beside(made.remembers))
        made.swapped += [made.remembers] if changes else []
        return changes

    def _swap(self) -> None:
        """Put all pieces in place."""
        context, made, found = self._context, self._made, self._journal
        found.made = staging.make_parents(made)
        found.pieces = staging.find_pieces(made)
        if not any(piece.old is not None for piece in found.pieces):
            found.until = context.clock.now()  # nothing was there, so nothing is put aside
        found.times = {path: os.stat(path).st_mtime_ns for path in _holders(found) if os.path.isdir(path)}
        found.names = {path: os.listdir(path) for path in made.fixed}
        found.enter(SWAPPING)
        context.checkpoint("swapping")
        for path in found.made:
            staging.make_directory(made, path)
        for piece in found.pieces:
            context.checkpoint("before-swap")
            put_new(piece, context.checkpoint)
        synchronise(_holders(found))
        context.checkpoint("all-swapped")
        found.used, found.fence = self._start_wanted, self._fence.to_dict() if self._fence else None
        found.enter(SWAPPED)

    def _start(self) -> None:
        self._tell("starting the gateway")
        self._context.checkpoint("before-start")
        began = self._context.clock.elapsed()
        health: Health = self._attendant.start()
        self._result.start = self._context.clock.elapsed() - began
        self._result.health = health.to_dict()

    def _take_back(self, cause: BaseException) -> None:
        """Undo, and say so. Raises EngineError unless the cause is to be raised as it is."""
        found, context = self._journal, self._context
        touched, log, lines = found.phase in (SWAPPING, SWAPPED), f"{found.directory}/{LOG.format(found.id)}", []
        if found.phase == SWAPPED:
            lines = self._attendant.keep_log(log)
        details = {"log": lines, "log_file": log if lines else None, "pre_restore_snapshot": self._result.pre_restore}
        said = _words(cause)
        self._tell("going back")
        try:
            failure = undo(found, self._attendant, context)
        except (EngineError, OSError) as exc:
            raise EngineError(
                "restore-undo-incomplete", f"The restore failed ({said}), and the old state is not back yet: {_words(exc)}",
                "Run openclaw-backup recover; the gateway is kept from starting until then.", details) from cause
        if failure is not None:
            raise EngineError(
                failure.code, f"The restore failed ({said}). The old state is back, but its gateway is not healthy: {failure.message}",
                failure.hint, details) from cause
        if touched and isinstance(cause, (EngineError, OSError)):
            raise EngineError(
                "restore-undone", f"The restore failed and was taken back; the old state is in place: {said}",
                getattr(cause, "hint", "") or "See what the system said, and restore again.",
                {**details, "cause": getattr(cause, "code", "restore-undone")}) from cause

    def _finish(self) -> None:
        """What can still be done about the old state when the new one is committed. A failure here is a note."""
        made, found, result, context = self._made, self._journal, self._result, self._context
        result.aside, result.aside_until = list(found.staging), found.until
        if self._switch_of_versions:
            self._switch_of_versions.commit(context)
        for path in found.staging:
            os.chmod(path, 0o700)  # nobody needs to reach what is old
        try:
            self._note()
            if found.until <= context.clock.now():
                result.removed += aside.remove_expired(found.directory, context)
                result.aside, result.aside_until = [], None
        except EngineError as exc:
            result.notes.append(f"{exc.message}. {exc.hint}")

    def _note(self) -> None:
        """Remember what is not as captured now, so that the same restore again finds nothing to do."""
        made = self._made
        chosen = what_is_there(made.where, made.backup, self._context)
        now = live.Live()
        if chosen:
            now = live.look(made.ground, chosen.source.rules, chosen.source.instance.foreign, made.versions.installed)
        entries = {entry.path: entry for part in made.parts.values() for entry, _line in part.choice.entries()}
        files = {
            path: [row.size, row.modified] for path, row in now.rows.items()
            if not row.is_directory and (path not in entries or not marker.as_captured(entries[path], row))}
        marker.write(self._journal.directory, made.request(), files)

    def _tell(self, phase: str) -> None:
        self._context.progress.report(ProgressState(phase))


def _holders(found: Journal) -> list[str]:
    return list(dict.fromkeys(os.path.dirname(path) for piece in found.pieces for path in (piece.live, piece.beside)))


def _words(exc: BaseException) -> str:
    if isinstance(exc, EngineError):
        return exc.message
    return f"{exc.filename}: {os.strerror(exc.errno or 0)}" if isinstance(exc, OSError) and exc.filename else str(exc) or type(exc).__name__
