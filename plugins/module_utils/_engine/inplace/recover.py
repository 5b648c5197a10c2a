# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Brings an attempt that was cut short to an end: back to the old state, unless it was committed. Needs no repository."""
from __future__ import annotations

import os
from dataclasses import dataclass, field

from .. import lock
from ..capture.locate import Location, locate
from ..gateway.control import Gateway
from ..gateway.detect import detect
from ..options import GatewayOptions, InstanceOptions
from ..ports import Context
from . import aside, journal
from .attendant import Attendant
from .journal import STAGED, STAGING, Journal
from .undo import undo


@dataclass
class RecoverPlan:
    """found: an attempt that did not come to its end. expired: old states whose time is over. not_started: the gateway of the old
    state did not start when an attempt was undone."""

    location: Location
    directory: str
    found: Journal | None = None
    expired: list[str] = field(default_factory=list)
    not_started: bool = False

    @property
    def changed(self) -> bool:
        return self.found is not None or bool(self.expired) or self.not_started

    def to_dict(self) -> dict:
        """For check mode and people."""
        swapped = self.found is not None and self.found.phase not in (STAGING, STAGED)
        return {
            "changed": self.changed, "state_dir": self.location.state_dir, "snapshot": self.found.snapshot if self.found else None,
            "phase": self.found.phase if self.found else None, "swaps_back": swapped, "asides_removed": list(self.expired)}


def plan(instance: InstanceOptions, context: Context) -> RecoverPlan:
    """Look whether there is something to recover. EngineError "restore-journal-unusable", those of locate()."""
    location = locate(instance, context)
    directory = journal.directory_of(location.state_dir)
    made = RecoverPlan(location, directory)
    if os.path.isdir(directory):
        made.found = journal.load(directory)
        made.not_started = os.path.lexists(f"{directory}/{journal.NOT_STARTED}")
        now = context.clock.now()
        made.expired = [path for one in journal.load_kept(directory) if one.until <= now for path in one.staging]
    return made


def execute(made: RecoverPlan, options: GatewayOptions, context: Context, *, start: bool = True) -> dict:
    """Undo what is unfinished, remove what is expired, start a gateway that has failed since then.

    start: False where a restore follows, which may mend just that. EngineError: "already-running" while the restore still runs,
    those of undo(), "gateway-start-failed".
    """
    if not made.changed:
        return {**made.to_dict(), "started": False}
    held = lock.WriterLock(made.directory, "restore")
    failure, started = None, False
    try:
        found = journal.load(made.directory)  # it may have come to its end since
        attendant = _attendant(made, options, context) if found or made.not_started else None
        if found:
            failure = undo(found, attendant, context)
        elif made.not_started and start:
            started = _start_if_failed(made, attendant)
        removed = aside.remove_expired(made.directory, context)
    finally:
        held.release()
    if failure is not None:
        raise failure
    return {**made.to_dict(), "asides_removed": removed, "started": started}


def _attendant(made: RecoverPlan, options: GatewayOptions, context: Context) -> Attendant:
    gateway = Gateway(made.location, detect(made.location, options, context), options, context)
    return Attendant(gateway, options, context)


def _start_if_failed(made: RecoverPlan, attendant: Attendant) -> bool:
    """One that somebody has stopped meanwhile stays stopped."""
    failed = attendant.failed
    if failed:
        attendant.start()
    journal.forget_not_started(made.directory)
    return failed
