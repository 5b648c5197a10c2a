# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""From what is stored and what is expected to a judgement: what is wrong with an instance's backups, worst first. Pure."""
from __future__ import annotations

from .. import durations
from . import model
from .model import DAY, Finding, InstanceStatus, Objectives, Report
from .read import Stored

_LONGEST = 300


def judge(
        instance: str, stored: Stored, objectives: Objectives, now: float, host: str = "", report: Report | None = None) -> InstanceStatus:
    """The status of one instance. now: by the storage's clock. host: what it should be, where that is known."""
    report = report or Report(instance)
    last_good = max((item.time for item in (stored.backup, stored.good_run) if item), default=None)
    findings = [
        *_damage(stored), *_presence(stored, report), *_failures(stored, report), *_age(stored, objectives, now, last_good, report),
        *_proof(stored, objectives, now), *_omissions(stored), *_host(report)]
    findings.sort(key=lambda finding: model.HEALTHS.index(finding.health))
    host = host or report.host or (stored.last_run.host if stored.last_run else "")
    return InstanceStatus(
        instance, host, tuple(findings), stored.backup, last_good, stored.last_run, _failing_since(stored, report), stored.verified,
        report.next_run, len(stored.snapshots), tuple(stored.sizes), strip(stored, now), objectives, now,
        report.channels)


def unreadable(instance: str, error: str, objectives: Objectives, now: float, host: str = "") -> InstanceStatus:
    """The status of an instance whose repository the storage did not let us read."""
    finding = Finding(model.UNKNOWN, f"Its repository could not be read: {error}")
    return InstanceStatus(instance, host, (finding,), objectives=objectives, now=now)


def silent(report: Report, now: float) -> InstanceStatus:
    """The row of a host that did not answer and of which no instance is known."""
    finding = Finding(model.UNKNOWN, "The host does not answer, and no repository is known to be its")
    return InstanceStatus(report.instance or report.host, report.host, (finding,), now=now)


def _damage(stored: Stored):
    if stored.newest_error:
        yield Finding(model.DAMAGED, f"The newest snapshot cannot be read: {stored.newest_error}")
    proof = stored.verified
    if proof and not proof.passed:
        failed = ", ".join(name for name, passed in proof.checks if not passed)
        yield Finding(
            model.DAMAGED, f"Snapshot {proof.snapshot} failed its verification ({f'check {failed}' if failed else f'level {proof.level}'})",
            proof.time)


def _presence(stored: Stored, report: Report):
    if stored.snapshots:
        return
    where = "There is a repository, and no snapshot in it" if stored.exists else "There is no repository of this name in the storage"
    yield Finding(model.NEVER, where + (f": {_why(report.error_code, report.message)}" if report.error_code else ""))


def _failing_since(stored: Stored, report: Report) -> float | None:
    return min((time for time in (stored.failing_since, report.failing_since) if time is not None), default=None)


def _why(code: str, message: str) -> str:
    return f"{message[:_LONGEST]} [{code}]" if message and code else message[:_LONGEST] or code or "for an unknown reason"


def _failures(stored: Stored, report: Report):
    since = _failing_since(stored, report)
    if since is None:
        return
    if report.error_code or report.message:
        why = _why(report.error_code, report.message)
    else:
        why = _why(stored.last_run.error_code, stored.last_run.message) if stored.last_run else "for an unknown reason"
    yield Finding(model.FAILING, f"Backups fail: {why}", since)


def _age(stored: Stored, objectives: Objectives, now: float, last_good: float | None, report: Report):
    if last_good is None or not objectives.max_age or not report.enabled:
        return
    age = now - last_good
    if age > objectives.max_age:
        text = f"The last good backup is {durations.short(age)} old, and {durations.short(objectives.max_age)} is the most it may be"
        newest = stored.snapshots[-1] if stored.snapshots else None
        if newest and stored.backup and newest[0] != stored.backup.id:
            text += "; newer snapshots hold only a part of the instance, or are damaged"
        yield Finding(model.STALE, text, last_good + objectives.max_age)


def _proof(stored: Stored, objectives: Objectives, now: float):
    if stored.not_proven:
        since, code = stored.not_proven
        yield Finding(model.UNVERIFIED, f"The last verification could not be made{f' [{code}]' if code else ''}", since)
    limit = objectives.max_unverified_age
    if not limit or not stored.snapshots:
        return
    proof = stored.verified if stored.verified and stored.verified.passed else None
    since = proof.time if proof else stored.first
    if since is None or now - since <= limit:
        return
    if proof:
        age = durations.short(now - proof.time)
        text = f"The last proof that it restores is {age} old, and {durations.short(limit)} is the most it may be"
    else:
        text = f"In {durations.short(now - since)} no restore of it was ever proven to work"
    yield Finding(model.UNVERIFIED, text, since + limit)


def _omissions(stored: Stored):
    if stored.backup and stored.backup.omissions:
        count = stored.backup.omissions
        yield Finding(
            model.INCOMPLETE, f"{count:,} {'entry is' if count == 1 else 'entries are'} missing in the newest snapshot", stored.backup.time)


def _host(report: Report):
    if not report.reachable:
        yield Finding(model.UNREACHABLE, "The host does not answer")
    if not report.enabled:
        yield Finding(model.DISABLED, "Backups are turned off on the host")


def strip(stored: Stored, now: float) -> tuple[str, ...]:
    """A state for each of the last days, UTC, today's last. See model.DAY_…"""
    today = int(now // DAY)
    have = {int(time // DAY) for _id, time in stored.snapshots}
    known = have | set(stored.day_runs)
    first = min(known, default=today + 1)
    states = []
    for day in range(today - model.STRIP_DAYS + 1, today + 1):
        if day in stored.incomplete_days:
            states.append(model.DAY_INCOMPLETE)
        elif day in have:
            states.append(model.DAY_BACKUP)
        elif day in stored.day_runs:
            states.append({
                "success": model.DAY_BACKUP, "unchanged": model.DAY_UNCHANGED, "failure": model.DAY_FAILED,
            }.get(stored.day_runs[day], model.DAY_RAN))
        else:
            states.append(model.DAY_BEFORE if day < first else model.DAY_OPEN if day == today else model.DAY_NONE)
    return tuple(states)
