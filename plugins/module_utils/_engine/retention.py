# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Which snapshots stay and which go, with the reason for each. Decides only; prune.py does.

Every age and every calendar period is by the storage's clock: when a snapshot was stored, not when its header says it was
made, which a compromised host can write as it likes. Periods are those of UTC; weeks are ISO weeks, beginning on Monday.
Each scope is judged by itself: a snapshot of the config alone is no replacement for one of everything.

A snapshot goes only if it is automatic (neither of kind manual nor named), readable, at least GRACE old, not pinned, selected
by no keep_ rule, and beyond max_age_days or max_backups. With no rule at all, everything stays; with keep_ rules alone, what
none of them selects goes.

Junk cannot push out: max_backups counts the newest snapshot of each day first, newest day first, and fills what is left of
the number with the other ones, newest first; keep_ rules count periods. So however many snapshots a compromised host makes
in a burst, they take the place of one older day, not of all. Copies keep their worth: a snapshot stored long after the moment
its id names was copied here (or backdated); within the period of its copying, it competes only with those of its own
period.
"""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Callable, Iterable, Sequence

from .errors import EngineError
from .options import KINDS, RetentionOptions
from .repository import names

GRACE = 48 * 3600.0  # seconds: younger snapshots always stay, and younger packs, which a running backup may count on
DAY = 86400.0
PINNED_NEWEST = 2  # of each scope: the newest is the next backup's parent, and it may turn out damaged
AUTOMATIC = tuple(kind for kind in KINDS if kind != "manual")
_LATEST = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc).timestamp()


@dataclass(frozen=True)
class Candidate:
    """What a decision is made on. stored: seconds since 1970 UTC by the storage's clock.

    trouble: why the snapshot cannot be judged (its header is damaged, it is not genuine), else "".
    """

    id: str
    stored: float
    scope: str = "everything"
    kind: str = "scheduled"
    named: bool = False
    complete: bool = True
    trouble: str = ""

    @property
    def automatic(self) -> bool:
        """Whether retention may remove it at all. A kind that this version does not know is left alone."""
        return not self.trouble and not self.named and self.kind in AUTOMATIC


@dataclass(frozen=True)
class Decision:
    """What happens to one snapshot. code: stable. reason: for people, without a full stop."""

    id: str
    keep: bool
    code: str
    reason: str

    def __str__(self) -> str:
        return f"{'keep' if self.keep else 'remove'}: {self.reason}"


Period = Callable[[datetime.datetime], str]
PERIODS: tuple[tuple[str, Period], ...] = (
    ("hourly", lambda time: f"{time:%Y-%m-%dT%H}Z"),
    ("daily", lambda time: f"{time:%Y-%m-%d}"),
    ("weekly", lambda time: "{0:04d}-W{1:02d}".format(*time.isocalendar())),
    ("monthly", lambda time: f"{time:%Y-%m}"),
    ("yearly", lambda time: f"{time:%Y}"),
)


def check(options: RetentionOptions) -> None:
    """EngineError "option-invalid" unless every number is a whole one and not negative."""
    for name, value in vars(options).items():
        if type(value) is not int or value < 0:
            raise EngineError("option-invalid", f"retention.{name} is {value!r}", "Give a whole number; 0 turns the rule off.")


def decide(candidates: Sequence[Candidate], options: RetentionOptions, now: float, verified: Iterable[str] = ()) -> list[Decision]:
    """A decision for every candidate, in their order. now: the storage's clock. verified: ids that the newest verification pins.

    EngineError "option-invalid".
    """
    check(options)
    pinned, selected, counted = pins(candidates, verified), _selected(candidates, options), _counted(candidates, options, now)
    return [
        _decide(item, options, now - item.stored, pinned.get(item.id), selected.get(item.id), item.id in counted) for item in candidates]


def _decide(item: Candidate, options: RetentionOptions, age: float, pin: str | None, periods: list[str] | None, counted: bool) -> Decision:
    def keep(code: str, reason: str) -> Decision:
        return Decision(item.id, True, code, reason)

    if item.trouble:
        return keep("damaged", f"{item.trouble}; never removed automatically, and not counted")
    if item.named:
        return keep("named", "it has a name")
    if item.kind not in AUTOMATIC:
        return keep("manual" if item.kind == "manual" else "kind-unknown", f"kind {item.kind}")
    if pin:
        return keep("pinned", pin)
    if age < GRACE:
        return keep("young", f"younger than {GRACE / 3600:.0f} hours")
    if periods:
        return keep(periods[0].split()[0], ", ".join(periods))
    limits = bool(options.max_age_days or options.max_backups)
    if options.max_age_days and age > options.max_age_days * DAY:
        return Decision(item.id, False, "too-old", f"older than {options.max_age_days} days")
    if options.max_backups and not counted:
        return Decision(item.id, False, "too-many", f"beyond {options.max_backups} backups of scope {item.scope}")
    if limits or not any(vars(options).values()):
        return keep("within-limits", "within the limits" if limits else "no rule is set")
    return Decision(item.id, False, "not-selected", "selected by no keep rule")


def pins(candidates: Iterable[Candidate], verified: Iterable[str] = ()) -> dict[str, str]:
    """Snapshots that nothing removes, not even by name, each with the reason: id -> text.

    Of each scope the newest two, and the newest two complete ones, both by id (a running backup's parent is the newest by
    id) and by the storage's clock (ids can be forged); and what the newest verification pins.
    """
    by_scope: dict[str, list[Candidate]] = {}
    for item in candidates:
        if not item.trouble:
            by_scope.setdefault(item.scope, []).append(item)
    found = {}
    for scope, items in by_scope.items():
        for order in (_by_id, _by_clock):
            newest = sorted(items, key=order, reverse=True)
            for item in newest[:PINNED_NEWEST]:
                found[item.id] = f"one of the {PINNED_NEWEST} newest of scope {scope}"
            for item in [item for item in newest if item.complete][:PINNED_NEWEST]:
                found[item.id] = f"one of the {PINNED_NEWEST} newest complete ones of scope {scope}"
    for snapshot_id in verified:
        found[snapshot_id] = f"{found[snapshot_id]}, and the newest verified one" if snapshot_id in found else "the newest verified one"
    return found


def _by_id(item: Candidate) -> float:
    return names.time_of_id(item.id)


def _by_clock(item: Candidate) -> tuple[float, float]:
    return item.stored, names.time_of_id(item.id)


def moment(seconds: float) -> datetime.datetime:
    """A point in time; what no calendar holds (a broken listing) becomes the nearest that one does."""
    return datetime.datetime.fromtimestamp(min(max(seconds, 0.0), _LATEST), datetime.timezone.utc)


def _groups(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """The automatic ones of each scope, newest first by the storage's clock."""
    scopes: dict[str, list[Candidate]] = {}
    for item in sorted((item for item in candidates if item.automatic), key=_by_clock, reverse=True):
        scopes.setdefault(item.scope, []).append(item)
    return list(scopes.values())


def _selected(candidates: Iterable[Candidate], options: RetentionOptions) -> dict[str, list[str]]:
    """What the keep_ rules select: id -> the periods that it stands for, as "weekly 2026-W31"."""
    found: dict[str, list[str]] = {}
    for items in _groups(candidates):
        for rule, period in PERIODS:
            for snapshot_id, label in _of_rule(items, getattr(options, "keep_" + rule), period):
                found.setdefault(snapshot_id, []).append(f"{rule} {label}")
    return found


def _of_rule(items: list[Candidate], limit: int, period: Period) -> list[tuple[str, str]]:
    """(id, label) of the newest snapshot of each of the newest `limit` periods that have any. items: newest first."""
    found, periods, taken = [], set(), set()
    for item in items:
        stored = made = period(moment(item.stored))
        if _displaced(item):
            made = period(moment(names.time_of_id(item.id)))
        if stored not in periods and len(periods) >= limit:
            break
        periods.add(stored)
        if (stored, made) not in taken:
            taken.add((stored, made))
            found.append((item.id, made))
    return found


def _displaced(item: Candidate) -> bool:
    """Whether it was stored long before or after the moment that its id names."""
    return abs(item.stored - names.time_of_id(item.id)) > GRACE


def _counted(candidates: Iterable[Candidate], options: RetentionOptions, now: float) -> set[str]:
    """Those within max_backups, counted among those within max_age_days, as the module's text says."""
    found: set[str] = set()
    for items in _groups(candidates):
        if options.max_age_days:
            items = [item for item in items if now - item.stored <= options.max_age_days * DAY]
        days: set[str] = set()
        first, others = [], []
        for item in items:
            day = f"{moment(item.stored):%Y-%m-%d}"
            (others if day in days else first).append(item.id)
            days.add(day)
        found.update((first + others)[:options.max_backups])
    return found
