# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retention keeps what its rules promise, gives the reason, and cannot be talked into more by junk or clocks."""
from __future__ import annotations

import dataclasses
import datetime

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import KINDS, SCOPES, RetentionOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import names
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.retention import (
    AUTOMATIC, DAY, GRACE, Candidate, decide, pins,
)

hypothesis = pytest.importorskip("hypothesis")
strategies = hypothesis.strategies

HOUR = 3600.0
OFF = RetentionOptions(max_backups=0, max_age_days=0)


def at(text: str) -> float:
    """Seconds of a moment like 2026-07-31T02:30."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()


NOW = at("2026-11-20T12:00")


def snapshot(stored: float, made: float | None = None, **fields) -> Candidate:
    """A snapshot stored at this time, and made then too unless its id is to say something else."""
    return Candidate(names.id_of_time(stored if made is None else made), stored, **fields)


def daily(count: int, newest: float = NOW - 3 * DAY, **fields) -> list[Candidate]:
    """As many snapshots, one a day, oldest first."""
    return [snapshot(newest - number * DAY, **fields) for number in reversed(range(count))]


def rules(**values) -> RetentionOptions:
    return dataclasses.replace(OFF, **values)


def removed(candidates, options, now=NOW, verified=()) -> list[int]:
    """Positions, in the list given, of what goes."""
    return [position for position, decision in enumerate(decide(candidates, options, now, verified)) if not decision.keep]


def said(candidates, options, position, now=NOW, verified=()) -> str:
    decision = decide(candidates, options, now, verified)[position]
    return f"{decision} [{decision.code}]"


# --- the rules

def test_age_goes_first():
    assert removed(daily(40), rules(max_age_days=30)) == list(range(12))
    assert said(daily(40), rules(max_age_days=30), 0) == "remove: older than 30 days [too-old]"


def test_then_the_count():
    assert removed(daily(10), RetentionOptions()) == [0, 1, 2]
    assert said(daily(10), RetentionOptions(), 0) == "remove: beyond 7 backups of scope everything [too-many]"
    assert said(daily(10), RetentionOptions(), 3) == "keep: within the limits [within-limits]"


def test_what_is_too_old_takes_no_place_in_the_count():
    recent = [snapshot(NOW - 3 * DAY - number * HOUR) for number in range(10)]
    assert removed(recent + daily(10, newest=NOW - 10 * DAY), rules(max_backups=7, max_age_days=5)) == [*range(7, 10), *range(10, 20)]


def test_exactly_as_old_as_allowed_stays():
    old = snapshot(NOW - 30 * DAY)
    assert removed([old, *daily(2)], rules(max_age_days=30)) == []
    assert removed([snapshot(old.stored - 1), *daily(2)], rules(max_age_days=30)) == [0]


def test_without_any_rule_everything_stays():
    assert removed(daily(500), OFF) == []
    assert said(daily(500), OFF, 0) == "keep: no rule is set [within-limits]"


def test_a_keep_rule_saves_from_age_and_count():
    items = daily(40)
    kept = [position for position in range(40) if position not in removed(items, RetentionOptions(keep_weekly=5))]
    assert [items[position].id[5:10] for position in kept] == [
        "10-25", "11-01", "11-08", "11-11", "11-12", "11-13", "11-14", "11-15", "11-16", "11-17"]


def test_keep_rules_alone_remove_what_none_selects():
    assert removed(daily(10), rules(keep_daily=4)) == [0, 1, 2, 3, 4, 5]
    assert said(daily(10), rules(keep_daily=4), 0) == "remove: selected by no keep rule [not-selected]"


@pytest.mark.parametrize("rule, earlier, later, same_period", [
    ("hourly", "2026-07-31T01:59", "2026-07-31T02:00", False),
    ("hourly", "2026-07-31T02:00", "2026-07-31T02:59", True),
    ("daily", "2026-07-31T23:59", "2026-08-01T00:00", False),
    ("daily", "2026-07-31T00:00", "2026-07-31T23:59", True),
    ("weekly", "2026-07-26T23:59", "2026-07-27T00:00", False),  # a Sunday and the Monday after it
    ("weekly", "2026-07-27T00:00", "2026-08-02T23:59", True),
    ("weekly", "2024-12-30T00:00", "2025-01-05T00:00", True),  # ISO week 2025-W01 begins in 2024
    ("monthly", "2026-07-31T23:59", "2026-08-01T00:00", False),
    ("monthly", "2026-07-01T00:00", "2026-07-31T23:59", True),
    ("yearly", "2025-12-31T23:59", "2026-01-01T00:00", False),
    ("yearly", "2026-01-01T00:00", "2026-11-10T00:00", True),
])
def test_periods_are_those_of_utc_and_the_newest_of_each_stays(rule, earlier, later, same_period):
    items = [snapshot(at(earlier)), snapshot(at(later)), *daily(2, newest=at("2027-05-20T00:00"))]
    assert removed(items, rules(**{f"keep_{rule}": 100}), at("2027-06-01T00:00")) == ([0] if same_period else [])


@pytest.mark.parametrize("rule, label", [
    ("hourly", "hourly 2026-07-31T02Z"), ("daily", "daily 2026-07-31"), ("weekly", "weekly 2026-W31"), ("monthly", "monthly 2026-07"),
    ("yearly", "yearly 2026"),
])
def test_a_period_is_the_reason(rule, label):
    items = [snapshot(at("2026-07-31T02:30")), *daily(2, newest=at("2027-05-20T00:00"))]
    assert said(items, rules(**{f"keep_{rule}": 9}), 0, at("2027-06-01T00:00")) == f"keep: {label} [{rule}]"


def test_all_periods_of_a_snapshot_are_named():
    items = [snapshot(at("2026-07-31T02:30")), snapshot(at("2026-11-01T00:00")), snapshot(at("2026-11-02T00:00"))]
    found = said(items, rules(keep_daily=9, keep_weekly=9, keep_monthly=9), 0)
    assert found == "keep: daily 2026-07-31, weekly 2026-W31, monthly 2026-07 [daily]"


def test_each_scope_is_judged_by_itself():
    config = [snapshot(NOW - 3 * DAY - number * HOUR, scope="config") for number in range(20)]
    everything = daily(5)
    assert not [position for position in removed(everything + config, RetentionOptions()) if position < 5]


@pytest.mark.parametrize("options", [{"max_backups": -1}, {"keep_daily": 1.5}, {"max_age_days": True}, {"keep_yearly": "3"}])
def test_options_that_mean_nothing_are_refused(options):
    with pytest.raises(EngineError) as caught:
        decide([], rules(**options), NOW)
    assert caught.value.code == "option-invalid"


# --- what never goes

STRICT = RetentionOptions(max_backups=1, max_age_days=1)


@pytest.mark.parametrize("fields, code", [
    ({"kind": "manual"}, "manual"), ({"named": True}, "named"), ({"kind": "of-the-future"}, "kind-unknown"),
    ({"trouble": "damaged"}, "damaged"),
])
def test_what_is_not_automatic_stays(fields, code):
    items = [snapshot(NOW - 900 * DAY, **fields), *daily(3)]
    assert decide(items, STRICT, NOW)[0].code == code
    assert decide(items, STRICT, NOW)[0].keep


def test_what_is_younger_than_48_hours_stays():
    items = [snapshot(NOW - age * HOUR) for age in (49, 47, 3, 2, 1)]
    assert removed(items, STRICT) == [0]
    assert said(items, STRICT, 1) == "keep: younger than 48 hours [young]"


def test_what_was_stored_in_the_future_counts_as_young():
    assert removed([snapshot(NOW + 900 * DAY, made=NOW - 900 * DAY), *daily(3, newest=NOW + 901 * DAY)], STRICT) == []


def test_the_two_newest_and_the_two_newest_complete_of_each_scope_stay():
    items = daily(6, complete=True) + daily(3, newest=NOW - 2.5 * DAY, complete=False) + daily(3, scope="config")
    gone = removed(items, STRICT)
    assert gone == [0, 1, 2, 3, 6, 7, 9]
    assert "newest" in said(items, STRICT, 5)


def test_the_newest_verified_one_stays():
    items = daily(30)
    assert 3 not in removed(items, STRICT, verified=[items[3].id])
    assert said(items, STRICT, 3, verified=[items[3].id]) == "keep: the newest verified one [pinned]"


def test_a_damaged_one_is_not_counted_and_pins_nothing():
    items = daily(4) + [dataclasses.replace(item, trouble="its header is damaged") for item in daily(5, newest=NOW - 2.1 * DAY)]
    assert removed(items, STRICT) == [0, 1]


# --- junk and clocks

def test_a_burst_of_junk_takes_the_place_of_one_day_only():
    legitimate = daily(10)
    burst = [snapshot(NOW - 2.5 * DAY + number) for number in range(1000)]
    gone = removed(legitimate + burst, RetentionOptions())
    assert [position for position in gone if position < 10] == [0, 1, 2, 3]
    assert len(gone) == 4 + 998  # of the burst its newest, which is pinned and stands for its day, and the other pinned one


def test_junk_with_forged_ids_takes_no_more():
    legitimate = daily(10)
    forged = [snapshot(NOW - 2.5 * DAY + number, made=NOW - 400 * DAY + number * DAY + HOUR) for number in range(800)]
    for options in (RetentionOptions(), rules(keep_daily=7)):
        gone = removed(legitimate + forged, options)
        assert [position for position in gone if position < 10] == [0, 1, 2, 3]


def test_an_id_in_the_far_future_does_not_unpin_the_newest_by_the_storage():
    items = [*daily(30), snapshot(NOW - 20 * DAY, made=NOW + 9000 * DAY), snapshot(NOW - 20 * DAY + 1, made=NOW + 9001 * DAY)]
    assert {28, 29}.isdisjoint(removed(items, STRICT))


def test_a_backdated_id_neither_ages_a_snapshot_nor_takes_another_ones_place():
    legitimate = daily(10)
    backdated = [snapshot(NOW - 2.5 * DAY + number, made=item.stored + HOUR) for number, item in enumerate(legitimate)]
    gone = removed(legitimate + backdated, rules(keep_daily=11))
    assert [position for position in gone if position < 10] == []


def test_a_copied_repository_keeps_its_periods():
    """All objects of a mirror are stored within minutes: that is no burst of one day."""
    copied = [snapshot(NOW - 5 * DAY + number, made=NOW - (400 - number) * DAY) for number in range(400)]
    gone = removed(copied, rules(keep_monthly=3))
    assert len(copied) - len(gone) == 14 + 1  # the newest of each month by its id, and the pinned one that is none
    assert said(copied, rules(keep_monthly=3), 400 - 20) == "keep: monthly 2026-10 [monthly]"


def test_an_id_a_little_older_than_its_storing_is_no_copy():
    """A backup that ends after midnight stands for the day that it ended on, and for no other."""
    over_midnight = snapshot(at("2026-11-10T00:00") + 5, made=at("2026-11-10T00:00") - 5)
    assert removed([over_midnight, snapshot(at("2026-11-10T09:00")), *daily(2)], rules(keep_daily=9)) == [0]


@pytest.mark.parametrize("moment", [-1e15, 0.0, 1e15])
def test_times_that_no_calendar_holds_are_survived(moment):
    items = [Candidate("2026-01-01T00:00:00.000Z", moment), *daily(3)]
    assert len(decide(items, rules(keep_daily=2, keep_weekly=1), NOW)) == 4


# --- properties

@strategies.composite
def histories(draw):
    """Any repository: snapshots at any time, of any kind, some damaged, some with ids that lie."""
    ages = draw(strategies.lists(strategies.integers(-HOUR, 900 * DAY), max_size=40, unique=True))
    items = []
    for age in ages:
        shift = draw(strategies.sampled_from([0, 0, 0, 0, 30 * DAY, -30 * DAY, 900 * DAY]))
        items.append(snapshot(
            NOW - age, NOW - age + shift, scope=draw(strategies.sampled_from(SCOPES[:2])),
            kind=draw(strategies.sampled_from(("scheduled",) * 4 + KINDS)), named=draw(strategies.integers(0, 9)) == 0,
            complete=draw(strategies.integers(0, 3)) > 0,
            trouble="damaged" if draw(strategies.integers(0, 9)) == 0 else ""))
    return sorted({item.id: item for item in items}.values(), key=lambda item: item.id)


limits = strategies.integers(0, 12)
policies = strategies.builds(RetentionOptions, *[limits] * 7)


@hypothesis.given(histories(), policies, strategies.data())
def test_what_is_protected_always_stays(items, options, data):
    verified = [data.draw(strategies.sampled_from(items)).id] if items else []
    protected = set(pins(items, verified))
    for item, decision in zip(items, decide(items, options, NOW, verified)):
        assert decision.id == item.id
        if item.id in protected or NOW - item.stored < GRACE or item.named or item.trouble or item.kind not in AUTOMATIC:
            assert decision.keep
        assert decision.reason and decision.code


@hypothesis.given(histories(), policies)
def test_deciding_again_on_what_remains_removes_nothing(items, options):
    remaining = [item for item, decision in zip(items, decide(items, options, NOW)) if decision.keep]
    assert removed(remaining, options) == []


NUMBERS = ["keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly", "max_backups"]


@hypothesis.given(histories(), policies, strategies.sampled_from(NUMBERS))
def test_a_larger_number_never_keeps_less(items, options, rule):
    hypothesis.assume(getattr(options, rule) > 0)
    more = dataclasses.replace(options, **{rule: getattr(options, rule) + 1})
    assert set(removed(items, more)) <= set(removed(items, options))


@hypothesis.given(histories(), policies, strategies.integers(1, 60))
def test_a_burst_of_junk_costs_each_rule_at_most_one_older_snapshot(items, options, count):
    """Junk of one minute, in the middle of a day by the storage's clock, all of it newer than the honest ones."""
    old = [item for item in items if item.stored < NOW - 4 * DAY and item.scope == "everything"]
    junk = [snapshot(NOW - 2.5 * DAY + number / 10) for number in range(count)]
    one, many = removed(old + junk[-2:], options), removed(old + junk, options)
    assert [position for position in many if position < len(old)] == [position for position in one if position < len(old)]
