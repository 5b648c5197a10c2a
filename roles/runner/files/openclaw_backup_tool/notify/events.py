# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the results of the last runs, and what was told before, to what is to be told now. Pure.

One failure is one message, however often it repeats; its end is another one. What was told is kept by key: what stays true is
not told again.
"""
from __future__ import annotations

from dataclasses import dataclass, field

from openclaw_backup_engine import durations

from ..timers import OPERATIONS

FAILED, RECOVERED, INCOMPLETE, COMPLETE, STALE, FRESH = "failed", "recovered", "incomplete", "complete", "stale", "fresh"
ALARM, RELIEF = "alarm", "relief"  # of a whole fleet
BAD = (FAILED, INCOMPLETE, STALE, ALARM)
_TITLES = {
    FAILED: "{operation} of {instance} FAILED on {host}", RECOVERED: "{operation} of {instance} works again on {host}",
    INCOMPLETE: "Backup of {instance} on {host} is INCOMPLETE", COMPLETE: "Backup of {instance} on {host} is complete again",
    STALE: "Backup of {instance} on {host} is TOO OLD", FRESH: "Backup of {instance} on {host} is fresh again",
    ALARM: "OpenClaw backups NEED A PERSON: {instance}", RELIEF: "OpenClaw backups are in order again: {instance}"}
_NAMES = {"backup": "Backup", "prune": "Pruning", "verify": "Verification", "fleet": "The check"}


@dataclass(frozen=True)
class Event:
    """Something to tell. key: what it is about; kind: what happened to it. since: ISO time, or empty."""

    key: str
    kind: str
    operation: str
    instance: str
    host: str
    error_code: str = ""
    message: str = ""
    hint: str = ""
    since: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """What is remembered as told."""
        return (self.key,)

    @property
    def title(self) -> str:
        return _TITLES[self.kind].format(operation=_NAMES[self.operation], instance=self.instance, host=self.host)

    @property
    def text(self) -> str:
        """All of it as sentences."""
        code = f" [{self.error_code}]" if self.error_code else ""
        why, since = f"{self.message}{code}." if self.message else "", f"Since {self.since}." if self.since else ""
        parts = [f"{self.title}.", why, self.hint, since]
        return " ".join(part for part in parts if part)

    def to_dict(self) -> dict:
        """What webhooks and commands get; docs/notifications.md describes it. text and content are what chat services show."""
        return {
            "event": self.kind, "operation": self.operation, "instance": self.instance, "host": self.host, "error_code": self.error_code,
            "message": self.message, "hint": self.hint, "since": self.since, "title": self.title, "text": self.text, "content": self.text}


@dataclass(frozen=True)
class Facts:
    """What is known of an instance. records: operation → its last result. age: seconds since it was last known to be backed up.

    max_age: seconds; 0 for none. enabled: it is to be backed up by itself.
    """

    instance: str
    host: str
    records: dict = field(default_factory=dict)
    age: float | None = None
    max_age: int = 0
    enabled: bool = True


def decide(facts: Facts, told: dict) -> list[Event]:
    """What is to be told now. told: key → anything, of what was told and has not ended."""
    events = []
    for operation in OPERATIONS:
        record = facts.records.get(operation)
        if record:
            events += _of_record(facts, operation, record, told)
    return [*events, *_of_age(facts, told)]


def _of_record(facts: Facts, operation: str, record: dict, told: dict):
    key, status = f"{FAILED}:{operation}", record.get("status")
    if status == "failed":
        if key not in told:
            yield Event(
                key, FAILED, operation, facts.instance, facts.host, _text(record, "error_code"), _text(record, "msg"),
                _text(record, "hint"), _text(record, "failing_since"))
        return
    if key in told:
        yield Event(key, RECOVERED, operation, facts.instance, facts.host)
    if operation != "backup":
        return
    if status == "omissions" and INCOMPLETE not in told:
        yield Event(
            INCOMPLETE, INCOMPLETE, operation, facts.instance, facts.host, message=_text(record, "msg"),
            hint=f"See what is missing: openclaw-backup --instance {facts.instance} now", since=_text(record, "ended"))
    elif status == "complete" and INCOMPLETE in told:
        yield Event(INCOMPLETE, COMPLETE, operation, facts.instance, facts.host)


def _of_age(facts: Facts, told: dict):
    """Too old, unless that is the failure that was told already, or just now is."""
    failing = (facts.records.get("backup") or {}).get("status") == "failed"
    old = bool(facts.enabled and facts.max_age and facts.age is not None and facts.age > facts.max_age)
    if old and not failing and STALE not in told:
        yield Event(
            STALE, STALE, "backup", facts.instance, facts.host,
            message=f"It is {durations.short(facts.age or 0)} old, and {durations.short(facts.max_age)} is the most it may be",
            hint=f"See whether its timer runs: systemctl status 'openclaw-backup@{facts.instance}.timer'")
    elif not old and STALE in told:
        yield Event(STALE, FRESH, "backup", facts.instance, facts.host)


def _text(record: dict, name: str) -> str:
    value = record.get(name)
    return value.rstrip(".") if name == "msg" and isinstance(value, str) else value if isinstance(value, str) else ""
