# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""notify: tell what is to be told. Run by systemd after every operation, and every hour."""
from __future__ import annotations

import argparse
import os
import re
import socket
import time

from openclaw_backup_engine.status.expectations import moment

from . import exit_codes, records
from .notify import deliver, events, metrics, told, web
from .outcome import Outcome
from .text import iso, printable

# systemd tells how a unit ended only where one list of that unit starts this one, so OnSuccess= names another one than OnFailure=.
_UNIT = re.compile(r"(?:good-)?openclaw-backup(?:-(prune|verify|pre-update|proof))?@(.+)\.service")
_CRASHES = {"oom-kill": "it took more memory than it may", "timeout": "it took too long", "watchdog": "it no longer answered",
            "signal": "something killed it", "core-dump": "it crashed", "resources": "the system had no room for it"}


class _Unit(argparse.Action):
    """Takes instance and operation out of a unit's name."""

    def __call__(self, parser, namespace, values, option_string=None):
        match = _UNIT.fullmatch(values)
        if not match:
            parser.error(f"{values} is no unit of the role schedule")
        namespace.instance = match.group(2)
        namespace.operation_of_unit = {None: "backup", "pre-update": "backup", "proof": "verify"}.get(match.group(1), match.group(1))


def add(adder) -> None:
    """Declare the command."""
    parser = adder.command("notify", "tell about failures and backups that are too old", run, show)
    parser.add_argument("--unit", action=_Unit, metavar="UNIT", help="the systemd unit that has ended")
    parser.add_argument("--start", action="store_true", help="only send the heartbeat of a run that begins")
    parser.add_argument("--watch", action="store_true", help="only look; send no heartbeat")
    parser.set_defaults(operation_of_unit=None)


def run(arguments, session) -> Outcome:
    """Decide, tell, remember. Never fails for a channel that does."""
    failed: list[tuple[str, str]] = []
    if arguments.start:
        failed += deliver.heartbeat(session, web.START)
        return _outcome([], [], failed)
    known = {operation: records.read(session.state_directory, operation) for operation in events.OPERATIONS}
    if arguments.operation_of_unit:
        _note_crash(arguments.operation_of_unit, known, session)
    if arguments.operation_of_unit == "backup" and not arguments.watch and known["backup"]:
        failing = known["backup"].get("status") == "failed"
        failed += deliver.heartbeat(session, web.FAILURE if failing else web.SUCCESS, str(known["backup"].get("msg") or ""))
    if session.settings.notify.metrics_dir:
        try:
            metrics.write(session.settings.notify.metrics_dir, session.name, known)
        except web.ChannelFailed as exc:
            failed.append(("metrics", str(exc)))
    found, told_now, not_told = _tell(session, known)
    return _outcome(found, told_now, failed + not_told)


def _tell(session, known: dict) -> tuple[list[events.Event], list[str], list[tuple[str, str]]]:
    """What was to be told, what of it some channel took, and the channels that took nothing."""
    before = told.read(session.state_directory)
    found = events.decide(_facts(session, known), before) if session.settings.notify.on_failure else []
    told_now, failed = deliver.tell_all(session.state_directory, found, deliver.channels(session) if found else {})
    return found, told_now, failed


def _facts(session, known: dict) -> events.Facts:
    settings = session.settings
    last = moment((known["backup"] or {}).get("last_success"))
    configured = os.path.join(session.state_directory, "first-seen")
    if last is None:  # never backed up: it is as old as the instance is known
        last = _first_seen(configured)
    return events.Facts(
        session.name, socket.gethostname(), known, time.time() - last if last is not None else None,
        settings.objectives.seconds("max_age"), settings.enabled)


def _first_seen(path: str) -> float | None:
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "a", encoding="utf-8"):
            pass
        return os.stat(path).st_mtime
    except OSError:
        return None


def _note_crash(operation: str, known: dict, session) -> None:
    """A run that was killed left no result: systemd says how it ended. Written down as a failure, so that status knows as well."""
    how = os.environ.get("MONITOR_SERVICE_RESULT", "")
    if how not in _CRASHES:
        return
    now = iso(time.time())
    report = {
        "operation": operation, "started": now, "ended": now, "exit_code": exit_codes.FAILED, "status": "failed", "error_code": "killed",
        "msg": f"The run did not come to its end: {_CRASHES[how]} ({how})", "snapshot": None,
        "hint": "See the journal of the unit; what was stored already is not stored twice."}
    known[operation] = records.write(session.state_directory, report)


def _outcome(found: list[events.Event], told_now: list[str], failed: list[tuple[str, str]]) -> Outcome:
    data = {
        "events": [event.to_dict() for event in found], "told": told_now,
        "channels_failed": [{"channel": name, "reason": reason} for name, reason in failed]}
    return Outcome(data, exit_codes.COMPLETE if found else exit_codes.UNCHANGED, f"{len(told_now)} of {len(found)} events told")


def show(report: dict) -> str:
    """For the journal."""
    lines = [f"Told: {printable(title)}" for title in report["told"]] or ["Nothing to tell"]
    return "\n".join(lines + [f"Channel {item['channel']} failed: {printable(item['reason'])}" for item in report["channels_failed"]])
