# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""status: whether the backups of an instance are as they should be, at a glance."""
from __future__ import annotations

import time
from dataclasses import asdict

from openclaw_backup_engine import snapshots
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.repository import names, verifications

from . import exit_codes, health, records, timers
from .outcome import Outcome
from .text import iso, moment, pairs, printable, size, span

_EXIT = {
    health.HEALTHY: exit_codes.COMPLETE, health.OMISSIONS: exit_codes.OMISSIONS, health.NEVER: exit_codes.NOTHING,
    health.UNREACHABLE: exit_codes.UNREACHABLE}
_KEYS = {
    "passphrase_file": "passphrase", "passphrase_env": "passphrase", "key_file": "key file",
    "writer_key_file": "writer key: this host cannot read its backups", "identity_file": "operator's identity"}


def add(adder) -> None:
    """Declare the command."""
    adder.command("status", "show the state of the backups", run, show)


def run(_arguments, session) -> Outcome:
    """Ask the storage, the last results and the timers. A storage that does not answer is a finding, not a failure."""
    settings, now, unreachable = session.settings, time.time(), None
    stored: dict = {"last_backup": None, "snapshots": None, "damaged": 0, "last_verified": None}
    try:
        stored = _ask_storage(session)
    except EngineError as exc:
        if exit_codes.of_error(exc.code) not in (exit_codes.UNREACHABLE, exit_codes.WRONG_KEY):
            raise
        unreachable = exc
    last = {operation: records.read(session.state_directory, operation) for operation in health.OPERATIONS}
    newest, proof = stored["last_backup"], stored["last_verified"]
    facts = health.Facts(
        now, settings.enabled, _current(newest, last["backup"]), names.time_of_id(proof["at"]) if proof else None,
        newest["omissions"] if newest else 0, stored.pop("damaged"), last, unreachable)
    found = health.assess(facts, settings.objectives)
    data = {
        "health": found.state, "reasons": list(found.reasons), "enabled": settings.enabled, "schedule": asdict(settings.schedule), **stored,
        "next": timers.next_runs(session.name, session.context), "storage": f"{settings.storage.url.rstrip('/')}/{session.name}",
        "storage_error": unreachable.code if unreachable else None, "retention": asdict(settings.retention),
        "encryption": {"enabled": settings.encryption.enabled, "key": _key(settings)}, "last_runs": last}
    exit_code = exit_codes.of_error(unreachable.code) if unreachable else _EXIT.get(found.state, exit_codes.FAILED)
    return Outcome(data, exit_code, found.reasons[0] if found.reasons else "")


def _current(newest: dict | None, record: dict | None) -> float | None:
    """When the state was last known to be in a snapshot: a run that found nothing changed counts."""
    moments = [names.time_of_id(newest["created"])] if newest else []
    if newest and record and record.get("status") == "unchanged":
        moments.append(time.mktime(time.strptime(record["started"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone)
    return max(moments) if moments else None


def _key(settings) -> str | None:
    return next((name for name in _KEYS if getattr(settings.encryption, name)), None)


def _ask_storage(session) -> dict:
    """The newest sound snapshot, how many there are, and what was last proven restorable."""
    repository = session.repository() if session.has_key() else None
    infos = snapshots.list_infos(repository) if repository else snapshots.list_without_key(session.storage())
    sound = [info for info in infos if info.header]
    proof = verifications.newest_proof(session.storage(), repository.bundle if repository else None, "restore")
    return {
        "last_backup": sound[-1].to_dict() if sound else None, "snapshots": len(infos), "damaged": len(infos) - len(sound),
        "last_verified": {"snapshot": proof.snapshot, "at": names.id_of_time(proof.stored), "level": proof.level} if proof else None}


def show(report: dict) -> str:
    """One fact a line."""
    now = time.time()
    last, proof, retention, encryption = (report[name] for name in ("last_backup", "last_verified", "retention", "encryption"))
    rows = [
        ("Instance", report["instance"]), ("Enabled", "yes" if report["enabled"] else "no"), ("Schedule", _schedule(report["schedule"])),
        ("Last backup", _last(last, now)), ("Next backup", _next(report["next"].get("backup"), now)),
        ("Status", printable(report["health"])), ("Storage", printable(report["storage"])), ("Snapshots", report["snapshots"] or 0),
        ("Retention", _retention(retention)), ("Encryption", _encryption(encryption)),
        ("Restore test", f"{moment(proof['at'])} of {proof['snapshot']}" if proof else "never")]
    if report["storage_error"]:
        unknown = {"Last backup", "Snapshots", "Restore test"}
        rows = [(name, "unknown: the storage could not be asked" if name in unknown else value) for name, value in rows]
    return "\n".join([pairs(rows), *(f"  {printable(reason)}" for reason in report["reasons"])])


def _schedule(schedule: dict) -> str:
    if schedule["preset"]:
        return schedule["preset"]
    return ", ".join(f"{name} {schedule[name] or 'off'}" for name in ("backup", "prune", "verify"))


def _last(last: dict | None, now: float) -> str:
    if not last:
        return "never"
    age = span(now - names.time_of_id(last["created"]))
    missing = f", {last['omissions']} missing" if last["omissions"] else ""
    return f"{moment(last['created'])} ({age} ago, {size(last['bytes'])}, {size(last['bytes_stored'])} new{missing})"


def _next(at: float | None, now: float) -> str:
    return f"{moment(iso(at))} (in {span(at - now)})" if at else "not scheduled"


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
