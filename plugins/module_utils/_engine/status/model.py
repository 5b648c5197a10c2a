# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""What is known of the backups of one instance, and of a whole storage of them: plain data, JSON-native by to_dict()."""
from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, field

# Worst first: what an instance is called when it has several of them.
DAMAGED, NEVER, FAILING, STALE, UNKNOWN = "damaged", "never", "failing", "stale", "unknown"
UNVERIFIED, INCOMPLETE, UNREACHABLE, DISABLED, OK = "unverified", "incomplete", "unreachable", "disabled", "ok"
HEALTHS = (DAMAGED, NEVER, FAILING, STALE, UNKNOWN, UNVERIFIED, INCOMPLETE, UNREACHABLE, DISABLED, OK)
BAD, ATTENTION = "bad", "attention"
SEVERITY = {
    DAMAGED: BAD, NEVER: BAD, FAILING: BAD, STALE: BAD, UNKNOWN: BAD,
    UNVERIFIED: ATTENTION, INCOMPLETE: ATTENTION, UNREACHABLE: ATTENTION, DISABLED: ATTENTION, OK: OK,
}
SEVERITIES = (OK, ATTENTION, BAD)
# A day of the strip.
DAY_BACKUP, DAY_UNCHANGED, DAY_INCOMPLETE, DAY_FAILED, DAY_RAN, DAY_NONE, DAY_OPEN, DAY_BEFORE = (
    "backup", "unchanged", "incomplete", "failed", "ran", "none", "open", "before")  # open: today, and nothing yet
STRIP_DAYS = 90
DAY = 86400


@dataclass(frozen=True)
class Objectives:
    """How old things may become, in seconds; 0 turns an objective off.

    max_age: since the last good backup (the recovery point). max_unverified_age: since a restore was last proven to work.
    """

    max_age: int = 26 * 3600
    max_unverified_age: int = 35 * DAY


@dataclass(frozen=True)
class Channel:
    """A channel that an agent talks through. survives: whether its login outlives a restore: yes, usually, no, or unknown."""

    channel: str
    survives: str = "unknown"


@dataclass(frozen=True)
class Expected:
    """An instance that there should be, so that one that never arrived is shown. objectives: its own, or None."""

    instance: str
    host: str = ""
    objectives: Objectives | None = None


@dataclass(frozen=True)
class Report:
    """What a host says of an instance itself, distrusted. Times in seconds since 1970 UTC, or None where it does not say.

    instance: empty for a host of which nothing more is known. reachable: whether the host answered at all.
    message: why its last run failed, in its own words. channels: what the agent talks through; None where the host does not say.
    """

    instance: str = ""
    host: str = ""
    reachable: bool = True
    enabled: bool = True
    next_run: float | None = None
    failing_since: float | None = None
    error_code: str = ""
    message: str = ""
    channels: tuple[Channel, ...] | None = None


@dataclass(frozen=True)
class Finding:
    """One thing to say of an instance. health: one of HEALTHS. since: seconds since 1970 UTC, or None."""

    health: str
    text: str
    since: float | None = None

    def to_dict(self) -> dict:
        return {"health": self.health, "severity": SEVERITY[self.health], "text": self.text, "since": iso(self.since)}


@dataclass(frozen=True)
class Backup:
    """A snapshot, as its header describes it. time: when it was stored, or made if that is earlier. name needs a key."""

    id: str
    time: float
    kind: str = ""
    scope: str = ""
    bytes: int = 0
    bytes_stored: int = 0
    files: int = 0
    omissions: int = 0
    duration_s: float = 0.0
    openclaw_version: str = ""
    name: str | None = None


@dataclass(frozen=True)
class Run:
    """A run's record. result: success, unchanged or failure. message needs a key."""

    time: float
    result: str
    error_code: str = ""
    host: str = ""
    snapshot: str = ""
    omissions: int = 0
    engine: str = ""
    message: str = ""


@dataclass(frozen=True)
class Verified:
    """A verification that read the content. duration_s, host and recovery_s (until the gateway worked): where the record says so.

    checks: (name, whether it passed) of each that was made, where the record lists them.
    """

    time: float
    snapshot: str
    level: str
    passed: bool
    duration_s: float | None = None
    host: str = ""
    checks: tuple[tuple[str, bool], ...] = ()
    recovery_s: float | None = None

    def to_dict(self) -> dict:
        return {**asdict(self), "time": iso(self.time), "checks": [{"name": name, "passed": passed} for name, passed in self.checks]}


@dataclass(frozen=True)
class InstanceStatus:
    """The state of one instance's backups. Times are seconds since 1970 UTC by the storage's clock.

    last_good: when it was last known to be backed up as it was: by a snapshot, or by a run that found nothing new.
    sizes: (time, bytes of content) of some snapshots, oldest first. strip: a state for each of the last days, today's last.
    channels: what the agent talks through, or None where nothing is known of that.
    """

    instance: str
    host: str = ""
    findings: tuple[Finding, ...] = ()
    backup: Backup | None = None
    last_good: float | None = None
    last_run: Run | None = None
    failing_since: float | None = None
    verified: Verified | None = None
    next_run: float | None = None
    snapshots: int = 0
    sizes: tuple[tuple[float, int], ...] = ()
    strip: tuple[str, ...] = ()
    objectives: Objectives = field(default_factory=Objectives)
    now: float = 0.0
    channels: tuple[Channel, ...] | None = None

    @property
    def health(self) -> str:
        return self.findings[0].health if self.findings else OK

    @property
    def severity(self) -> str:
        return SEVERITY[self.health]

    @property
    def reason(self) -> str:
        return self.findings[0].text if self.findings else ""

    @property
    def age(self) -> float | None:
        """Seconds since last_good."""
        return None if self.last_good is None else max(self.now - self.last_good, 0.0)

    @property
    def recoverable(self) -> bool:
        """Whether it could be brought back today: a backup within max_age, and a last restore within max_unverified_age that worked."""
        if self.age is None or self.verified is None or not self.verified.passed:
            return False
        goals, proven = self.objectives, self.now - self.verified.time
        late = goals.max_age and self.age > goals.max_age or goals.max_unverified_age and proven > goals.max_unverified_age
        return not late and not {finding.health for finding in self.findings} & {DAMAGED, NEVER, UNKNOWN}

    def growth(self, days: int = 30) -> int | None:
        """Bytes of content that came over so many days, or over what is known of them; None where one size is known."""
        recent = [size for time, size in self.sizes if time >= self.now - (days + 1) * DAY]
        return recent[-1] - recent[0] if len(recent) > 1 else None

    def to_dict(self) -> dict:
        """In the words of docs/monitoring.md."""
        backup = None if self.backup is None else {**asdict(self.backup), "time": iso(self.backup.time)}
        run = None if self.last_run is None else {**asdict(self.last_run), "time": iso(self.last_run.time)}
        verified = None if self.verified is None else self.verified.to_dict()
        channels = None if self.channels is None else [asdict(channel) for channel in self.channels]
        return {
            "instance": self.instance, "host": self.host, "health": self.health, "severity": self.severity, "reason": self.reason,
            "recoverable": self.recoverable, "findings": [finding.to_dict() for finding in self.findings],
            "backup": backup, "last_good": iso(self.last_good),
            "age_s": None if self.age is None else int(self.age), "last_run": run, "failing_since": iso(self.failing_since),
            "verified": verified, "channels": channels, "next_run": iso(self.next_run), "snapshots": self.snapshots,
            "growth_30d_bytes": self.growth(),
            "sizes": [{"time": iso(time), "bytes": size} for time, size in self.sizes], "strip": list(self.strip),
            "objectives": {"max_age_s": self.objectives.max_age, "max_unverified_age_s": self.objectives.max_unverified_age}}


@dataclass(frozen=True)
class Fleet:
    """All instances of a storage, the one that needs a person most first. now: by the storage's clock."""

    url: str
    now: float
    instances: tuple[InstanceStatus, ...]
    requests: int = 0

    @property
    def worst(self) -> str:
        """The health of the worst instance; "never" of a fleet without any."""
        return self.instances[0].health if self.instances else NEVER

    @property
    def severity(self) -> str:
        return SEVERITY[self.worst]

    def count(self, severity: str) -> int:
        """How many instances are of this severity."""
        return sum(item.severity == severity for item in self.instances)

    @property
    def recoverable(self) -> int:
        """How many instances could be brought back today."""
        return sum(item.recoverable for item in self.instances)

    def to_dict(self) -> dict:
        """The document that docs/monitoring.md describes."""
        return {
            "format": 1, "storage": self.url, "time": iso(self.now), "worst": self.worst, "severity": self.severity,
            "counts": {severity: self.count(severity) for severity in (BAD, ATTENTION, OK)}, "recoverable": self.recoverable,
            "bytes": sum(item.backup.bytes for item in self.instances if item.backup), "requests": self.requests,
            "instances": [item.to_dict() for item in self.instances]}


def iso(seconds: float | None) -> str | None:
    """A moment as 2026-11-20T02:30:00Z; None, and what no calendar holds, as None."""
    try:
        if seconds is not None:
            return f"{datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        pass
    return None


def rank(status: InstanceStatus) -> tuple:
    """What sorts the instance that needs a person most first."""
    return HEALTHS.index(status.health), -(status.age if status.age is not None else float("inf")), status.instance
