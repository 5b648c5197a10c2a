# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""status: whether the backups of an instance are as they should be, at a glance."""
from __future__ import annotations

import time
from dataclasses import asdict

from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.status import expectations, facts, judge, model, read

from . import exit_codes, records, timers
from .outcome import Outcome
from .text import moment, pairs, printable, size, span

EXIT = {model.OK: exit_codes.COMPLETE, model.ATTENTION: exit_codes.OMISSIONS, model.BAD: exit_codes.FAILED}
_KEYS = {
    "passphrase_file": "passphrase", "passphrase_env": "passphrase", "key_file": "key file",
    "writer_key_file": "writer key: this host cannot read its backups", "identity_file": "operator's identity"}
_READS = 20  # objects that are read beyond what a judgement needs


def add(adder) -> None:
    """Declare the command."""
    adder.command("status", "show the state of the backups", run, show)


def run(_arguments, session) -> Outcome:
    """Ask the storage, the last results and the timers. A storage that does not answer is a finding, not a failure."""
    settings, now, unreachable = session.settings, time.time(), None
    goals = settings.objectives
    objectives = model.Objectives(goals.seconds("max_age"), goals.seconds("max_unverified_age"))
    last = {operation: records.read(session.state_directory, operation) for operation in timers.OPERATIONS}
    upcoming = timers.next_runs(session.name, session.context)
    report = _report(session.name, settings.enabled, last["backup"], upcoming["backup"])
    try:
        bundle = session.repository().bundle if session.has_key() else None
        storage = session.storage()
        stored = read.Reader(storage, session.name, facts.Memory(None, ""), read.Budget(_READS), bundle).read(now)
        found = judge.judge(session.name, stored, objectives, storage.now(), report=report)
    except EngineError as exc:
        if exit_codes.of_error(exc.code) not in (exit_codes.UNREACHABLE, exit_codes.WRONG_KEY):
            raise
        unreachable = exc
        found = judge.unreadable(session.name, exc.message, objectives, now)
    described = found.to_dict()
    described["failing_since"] = described["failing_since"] or (last["backup"] or {}).get("failing_since")
    fence = session.fence()
    data = {
        **described, "fence": fence.to_dict() if fence else None, "enabled": settings.enabled, "schedule": asdict(settings.schedule),
        "next": {name: model.iso(at) for name, at in upcoming.items()}, "storage": f"{settings.storage.url.rstrip('/')}/{session.name}",
        "storage_error": unreachable.code if unreachable else None, "retention": asdict(settings.retention),
        "encryption": {"enabled": settings.encryption.enabled, "key": _key(settings)}, "last_runs": last}
    exit_code = exit_codes.of_error(unreachable.code) if unreachable else EXIT[found.severity]
    return Outcome(data, exit_code, found.reason)


def _report(name: str, enabled: bool, last: dict | None, upcoming: float | None) -> model.Report:
    """What this host itself knows."""
    if not last or last.get("status") != "failed":
        return model.Report(name, enabled=enabled, next_run=upcoming)
    return model.Report(
        name, enabled=enabled, next_run=upcoming, failing_since=expectations.moment(last.get("failing_since")),
        error_code=str(last.get("error_code") or ""), message=str(last.get("msg") or ""))


def _key(settings) -> str | None:
    return next((name for name in _KEYS if getattr(settings.encryption, name)), None)


def show(report: dict) -> str:
    """One fact a line."""
    unknown = "unknown: the storage could not be asked" if report["storage_error"] else None
    proof = report["verified"]
    rows = [
        ("Instance", report["instance"]), ("Enabled", "yes" if report["enabled"] else "no"), ("Schedule", _schedule(report["schedule"])),
        ("Last backup", unknown or _last(report)), ("Next backup", _next(report["next"]["backup"])), ("Status", report["health"]),
        ("Storage", printable(report["storage"])), ("Snapshots", unknown or report["snapshots"]),
        ("Retention", _retention(report["retention"])), ("Encryption", _encryption(report["encryption"])),
        ("Restore test", unknown or (_proof(proof) if proof else "never"))]
    if report["fence"]:
        rows.insert(1, ("Fenced", _fence(report["fence"])))
    if report["failing_since"]:
        rows.insert(-5, ("Failing since", moment(report["failing_since"])))
    return "\n".join([pairs(rows), *(f"  {printable(one['text'])}" for one in report["findings"])])


def _fence(fence: dict) -> str:
    moved = f", the agent is on {printable(fence['moved_to'])}" if fence["moved_to"] else ""
    return f"since {fence['at']} by {printable(fence['by'])}{moved}: {printable(fence['reason'])}"


def _schedule(schedule: dict) -> str:
    if schedule["preset"]:
        return schedule["preset"]
    return ", ".join(f"{name} {schedule[name] or 'off'}" for name in timers.OPERATIONS)


def _last(report: dict) -> str:
    last = report["backup"]
    if not last:
        return "never"
    missing = f", {last['omissions']} missing" if last["omissions"] else ""
    same = f"; nothing new until {moment(report['last_good'])}" if report["last_good"] not in (None, last["time"]) else ""
    return f"{moment(last['time'])} ({_distance(last['time'])} ago, {size(last['bytes'])}, {size(last['bytes_stored'])} new{missing}{same})"


def _distance(at: str) -> str:
    """How far a moment is from now."""
    return span(time.time() - expectations.moment(at))


def _next(at: str | None) -> str:
    return f"{moment(at)} (in {_distance(at)})" if at else "not scheduled"


def _proof(proof: dict) -> str:
    return f"{'passed' if proof['passed'] else 'FAILED'} {moment(proof['time'])}, level {proof['level']}, of {proof['snapshot']}"


def _retention(retention: dict) -> str:
    words = []
    if retention["max_backups"]:
        words.append(f"{retention['max_backups']} backups")
    if retention["max_age_days"]:
        words.append(f"{retention['max_age_days']} days max age")
    units = ("hourly", "daily", "weekly", "monthly", "yearly")
    words += [f"{retention[f'keep_{unit}']} {unit}" for unit in units if retention[f"keep_{unit}"]]
    return ", ".join(words) or "everything is kept"


def _encryption(encryption: dict) -> str:
    if not encryption["enabled"]:
        return "off: whoever reads the storage reads the backups"
    return f"enabled (AES-256-GCM; {_KEYS.get(encryption['key'], 'no key is configured')})"
