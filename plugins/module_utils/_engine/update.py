# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Another OpenClaw under an agent, or everything as it was before.

Fetch the new one and snapshot the state while the gateway runs; stop; snapshot what has changed since; switch; start; see it
healthy. Whatever fails after the stop, the old version and the state from before are put back and the gateway is started again.
A record beside the state directory lets undo() do that for an update that was cut short.
"""
from __future__ import annotations

import os
from dataclasses import dataclass, replace

from . import backup, source
from .capture.locate import Location, locate
from .edits.apply import EditOptions
from .errors import EngineError
from .gateway import installation, version_switch
from .gateway.control import Gateway
from .gateway.detect import detect
from .gateway.installation import Installation
from .gateway.version_switch import Switch
from .inplace.execute import execute as restore_in_place
from .inplace.journal import directory_of, make_directory, read_json, write_json
from .inplace.options import InPlaceOptions
from .inplace.plan import Where
from .inplace.plan import plan as plan_restore
from .inplace.swap import synchronise
from .options import BackupOptions
from .ports import Context, ProgressState
from .repository.repository import Repository

_RECORD = "update.json"
_AS_IT_WAS = EditOptions(deliveries="keep", missed_cron="run", turns="resume")  # minutes old, and nobody has worked on it since


@dataclass
class UpdatePlan:
    """to: a version, a tag, or the path of a package's archive. backup: how the instance is backed up. runs: its gateway does."""

    where: Where
    to: str
    backup: BackupOptions
    repository: Repository
    location: Location
    gateway: Gateway
    installed: Installation
    runs: bool

    @property
    def changed(self) -> bool:
        """Whether another version is asked for, as far as that is known before it is fetched."""
        return self.to != self.installed.version

    def to_dict(self) -> dict:
        """For check mode and people."""
        return {"changed": self.changed, "from": self.installed.version, "to": self.to, "installation": self.installed.to_dict()}


@dataclass
class UpdateResult:
    """What an update did. Times in seconds; downtime from the order to stop until the gateway is healthy."""

    changed: bool
    before: str
    after: str
    snapshot: str | None = None
    omissions: int = 0
    health: dict | None = None
    downtime: float = 0.0

    def to_dict(self) -> dict:
        """In the words of the host tool's JSON."""
        return {
            "changed": self.changed, "from": self.before, "to": self.after, "snapshot": self.snapshot, "omissions_count": self.omissions,
            "health": self.health, "channels_failing": (self.health or {}).get("channels_failing", []),
            "downtime_s": round(self.downtime, 3)}


def plan(repository: Repository, to: str, options: BackupOptions, where: Where, context: Context) -> UpdatePlan:
    """Look, and change nothing. EngineError: "update-unfinished", "gateway-gate-closed", "openclaw-missing", those of discovery."""
    location = locate(where.instance, context)
    if _read(location.state_dir):
        raise EngineError(
            "update-unfinished", f"An earlier update of the OpenClaw of {location.state_dir} did not come to its end",
            "Run openclaw-backup recover, which undoes it; then update again.")
    gateway = Gateway(location, detect(location, options.gateway, context), options.gateway, context)
    gateway.require_open_gate()
    repository.reader()  # or there would be no way back
    installed = installation.find(location, options.gateway, context)
    return UpdatePlan(
        where, to, replace(options, kind="pre-update", name=None), repository, location, gateway, installed, gateway.seen_running())


def execute(made: UpdatePlan, context: Context) -> UpdateResult:
    """Update, or raise EngineError with the old version and the state from before in place.

    "update-undone": something failed after the stop, and all is as it was; the message says what. "update-undo-incomplete": going
    back failed, too; undo() goes on. Before the stop: those of version_switch.prepare() and of backups; nothing was changed.
    """
    _tell(context, "fetching")
    switch = version_switch.prepare(made.installed, made.to, context)
    if switch.new == made.installed.version:
        switch.commit(context)
        return UpdateResult(False, made.installed.version, switch.new)
    try:
        if made.runs:
            made.gateway.require_startable()
        result = UpdateResult(True, made.installed.version, switch.new or made.to)
        _tell(context, "snapshot of the state")
        _snapshot(made, result, context)
    except BaseException:
        switch.commit(context)
        raise
    _switch(made, switch, result, context)
    return result


def _switch(made: UpdatePlan, switch: Switch, result: UpdateResult, context: Context) -> None:
    """From the order to stop until the new one is healthy, or the old one again."""
    record = {"switch": switch.to_dict(), "snapshot": result.snapshot, "runs": made.runs, "started": False}
    make_directory(directory_of(made.location.state_dir))
    _write(made.location.state_dir, record)
    began = context.clock.elapsed()
    try:
        _tell(context, "stopping the gateway")
        if made.runs:
            made.gateway.stop()
            _snapshot(made, result, context)  # what has changed since the first: seconds
            record["snapshot"] = result.snapshot
        context.checkpoint("update-stopped")
        result.after = switch.activate(made.location, made.backup.gateway, context)
        context.checkpoint("update-activated")
        if made.runs:
            _tell(context, "starting the gateway")
            _write(made.location.state_dir, {**record, "started": True})
            result.health = made.gateway.start().to_dict()
            context.checkpoint("update-started")
            _require_version(result)
            result.downtime = context.clock.elapsed() - began
    except BaseException as exc:
        _take_back(made, exc, context)
        raise
    _remove(made.location.state_dir)
    switch.commit(context)


def _require_version(result: UpdateResult) -> None:
    """The gateway itself says which it is; old ones do not."""
    said = result.health.get("version")
    if said and said != result.after:
        raise EngineError(
            "openclaw-version-wrong", f"OpenClaw {result.after} was installed, and the gateway says that it is {said}",
            "Let the unit start the installation that was updated.")


def _take_back(made: UpdatePlan, cause: BaseException, context: Context) -> None:
    said = cause.message if isinstance(cause, EngineError) else str(cause) or type(cause).__name__
    _tell(context, "going back")
    try:
        undo(made.repository, made.backup, made.where, context)
    except EngineError as exc:
        raise EngineError(
            "update-undo-incomplete", f"The update failed ({said}), and not all is as it was yet: {exc.message}",
            "Run openclaw-backup recover, which goes on.", {"cause": getattr(cause, "code", None)}) from cause
    if isinstance(cause, EngineError):
        raise EngineError(
            "update-undone",
            f"The update failed and was taken back; OpenClaw {made.installed.version} is in place, with the state from before: {said}",
            cause.hint, {"cause": cause.code, **cause.details}) from cause


def unfinished(state_dir: str) -> bool:
    """Whether there is an update that undo() has to take back."""
    return _read(state_dir) is not None


def undo(repository: Repository, options: BackupOptions, where: Where, context: Context) -> bool:
    """Take back an update that did not come to its end; False if there is none. As often as needed.

    EngineError: those of the gateway, "openclaw-install-failed", those of a restore in place; the record stays then.
    """
    location = locate(where.instance, context)
    record = _read(location.state_dir)
    if record is None:
        return False
    switch = version_switch.from_dict(record["switch"])
    gateway = Gateway(location, detect(location, options.gateway, context), options.gateway, context)
    if not gateway.fully_stopped():
        gateway.stop()
    switch.revert(context)
    if record["started"]:
        wanted = InPlaceOptions(
            record["snapshot"], exclude=options.exclude, pre_restore=False, start="never", edits=_AS_IT_WAS, gateway=options.gateway)
        restore_in_place(plan_restore(repository, wanted, where, context), context)
        _write(location.state_dir, {**record, "started": False})
    if record["runs"]:
        gateway.start()
    _remove(location.state_dir)
    return True


def _snapshot(made: UpdatePlan, result: UpdateResult, context: Context) -> None:
    """A snapshot of what there is now; the newest one if nothing changed."""
    chosen = source.choose(made.where.instance, made.backup, made.where.storage, made.where.encryption, context)
    options = replace(made.backup, consistency="live", note=made.backup.note or f"before the update to OpenClaw {made.to}")
    stored = backup.execute(backup.plan(lambda: made.repository, chosen.source, options, context), context)
    result.snapshot, result.omissions = stored.header.id, len(stored.omissions)


def _path(state_dir: str) -> str:
    return f"{directory_of(state_dir)}/{_RECORD}"


def _read(state_dir: str) -> dict | None:
    """The record of an update that is not over. EngineError "restore-journal-unusable" for one that somebody else may have written."""
    found = read_json(_path(state_dir))
    if found is None:
        return None
    try:
        version_switch.from_dict(found["switch"])
        if {type(found[name]) for name in ("runs", "started")} != {bool} or not isinstance(found["snapshot"], str):
            raise TypeError
    except (KeyError, TypeError) as exc:
        raise EngineError(
            "restore-journal-unusable", f"{_path(state_dir)} cannot be used: it is not what this version writes",
            "Look which OpenClaw is installed and whether its gateway is healthy; then move this out of the way.") from exc
    return found


def _write(state_dir: str, record: dict) -> None:
    write_json(_path(state_dir), record)


def _remove(state_dir: str) -> None:
    directory = directory_of(state_dir)
    os.unlink(_path(state_dir))
    synchronise([directory])
    if not os.listdir(directory):
        os.rmdir(directory)


def _tell(context: Context, phase: str) -> None:
    context.progress.report(ProgressState(phase))
