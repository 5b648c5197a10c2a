# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A schedule means in systemd what it says: checked against cron's rules and, where it is there, against systemd itself."""
from __future__ import annotations

import datetime
import shutil
import subprocess

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import cron, durations, schedule
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies
ANALYZE = shutil.which("systemd-analyze")
BEGIN = datetime.datetime(2026, 11, 20, 12, 34, 0)


@pytest.mark.parametrize("text, lines", [
    ("1d", ["OnCalendar=*-*-* 02:00:00"]), ("daily", ["OnCalendar=*-*-* 02:00:00"]), ("24h", ["OnCalendar=*-*-* 02:00:00"]),
    ("6h", ["OnCalendar=*-*-* 00/6:00:00"]), ("hourly", ["OnCalendar=*-*-* *:00:00"]), ("15m", ["OnCalendar=*-*-* *:00/15:00"]),
    ("7d", ["OnCalendar=Mon *-*-* 02:00:00"]), ("1w", ["OnCalendar=Mon *-*-* 02:00:00"]),
    ("monthly", ["OnCalendar=*-*-01 02:00:00"]), ("5h", ["OnUnitActiveSec=18000s", "OnBootSec=15min"]),
    ("1d12h", ["OnUnitActiveSec=129600s", "OnBootSec=15min"]), ("off", []), ("", []), ("never", []),
    ("30 2 * * *", ["OnCalendar=*-*-* 02:30:00"]), ("*/15 * * * *", ["OnCalendar=*-*-* *:00,15,30,45:00"]),
    ("0 3 * * 1-5", ["OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 03:00:00"]), ("0 0 1 jan,jul *", ["OnCalendar=*-01,07-01 00:00:00"]),
    ("0 4 13 * fri", ["OnCalendar=Fri *-*-* 04:00:00", "OnCalendar=*-*-13 04:00:00"]), ("0 4 * * 7", ["OnCalendar=Sun *-*-* 04:00:00"]),
    ("Mon..Fri *-*-* 02:30", ["OnCalendar=Mon..Fri *-*-* 02:30"]), ("*-*-* 04:00:00 UTC", ["OnCalendar=*-*-* 04:00:00 UTC"]),
    ("Sat 03:00", ["OnCalendar=Sat 03:00"]), ("*-*~1 05:00", ["OnCalendar=*-*~1 05:00"]),
])
def test_what_people_write_is_understood(text, lines):
    assert list(schedule.timer(text).lines) == lines


@pytest.mark.parametrize("text", [
    "soon", "1x", "10s", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "0 0 30 2 *", "0 0 31 4,6 *", "5-1 * * * *",
    "*/0 * * * *", "a b c d e", "*-*-* 02:00\nOnBootSec=1", "[Timer]", "%i", "1d; reboot", "0 0 * * mon-", "*-5 * * * *"])
def test_what_is_no_schedule_is_refused_before_it_reaches_a_unit(text):
    with pytest.raises(EngineError) as caught:
        schedule.timer(text)
    assert caught.value.code == "schedule-invalid" and caught.value.hint


@hypothesis.given(st.text(alphabet="0123456789*/,-.:~ adehimnoruw\n=%", max_size=30))
def test_a_schedule_is_one_line_or_an_error(text):
    try:
        lines = schedule.timer(text).lines
    except EngineError:
        return
    assert not [line for line in lines if "\n" in line or "%" in line]


def _piece(low: int, high: int):
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(sorted)
    return (st.just("*") | number.map(str) | pair.map(lambda ends: f"{ends[0]}-{ends[1]}") | st.integers(2, 9).map(lambda step: f"*/{step}")
            | st.tuples(pair, st.integers(1, 5)).map(lambda found: f"{found[0][0]}-{found[0][1]}/{found[1]}"))


def _field(low: int, high: int):
    return st.lists(_piece(low, high), min_size=1, max_size=2).map(",".join)


expressions = st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 7)).map(" ".join)


def fits(expression: str, moment: datetime.datetime) -> bool:
    """Whether cron would run it then: written anew from cron's manual, not from the translation."""
    minutes, hours, days, months, weekdays = cron.fields(expression)
    parts = expression.split()
    day, weekday = moment.day in days, moment.isoweekday() % 7 in weekdays
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    return moment.minute in minutes and moment.hour in hours and moment.month in months and (day or weekday if either else day and weekday)


def elapses(calendars: list[str], count: int = 3) -> list[datetime.datetime]:
    """The next moments that systemd sees in calendars."""
    found: set[datetime.datetime] = set()
    for calendar in calendars:
        said = subprocess.run(
            [ANALYZE, "calendar", f"--base-time={BEGIN:%Y-%m-%d %H:%M:%S} UTC", f"--iterations={count}", calendar + " UTC"],
            check=True, capture_output=True, text=True, env={"TZ": "UTC", "LC_ALL": "C.UTF-8"}).stdout
        for line in said.splitlines():
            name, _colon, value = line.strip().partition(": ")
            if name in ("Next elapse", "Iteration #2", "Iter. #2", "Iter. #3", "Iteration #3") and "never" not in value:
                found.add(datetime.datetime.strptime(value.strip().split(" ", 1)[1], "%Y-%m-%d %H:%M:%S UTC"))
    return sorted(found)[:count]


@pytest.mark.skipif(not ANALYZE, reason="no systemd-analyze here")
@hypothesis.settings(max_examples=60)
@hypothesis.given(expressions)
def test_systemd_runs_when_cron_would(expression):
    try:
        calendars = cron.translate(expression)
    except EngineError:
        return
    moments = elapses(calendars)
    for moment in moments:
        assert fits(expression, moment), (expression, calendars, moment)
    if moments:  # and nothing is left out before the first
        moment, last = BEGIN + datetime.timedelta(minutes=1), min(moments[0], BEGIN + datetime.timedelta(days=3))
        while moment < last:
            assert not fits(expression, moment), (expression, calendars, moment)
            moment += datetime.timedelta(minutes=1)


@pytest.mark.skipif(not ANALYZE, reason="no systemd-analyze here")
@pytest.mark.parametrize("text", ["1d", "6h", "15m", "7d", "monthly", "Mon..Fri *-*-* 02:30", "Sat 03:00", "*-*~1 05:00", "Mon,Wed 9:00/20", "4h", "1h"])
def test_systemd_understands_every_calendar(text):
    for line in schedule.timer(text).lines:
        subprocess.run([ANALYZE, "calendar", line.partition("=")[2]], check=True, capture_output=True)


@pytest.mark.parametrize("text, delay", [("1d", 10800), ("6h", 2700), ("1h", 450), ("30 2 * * *", 900), ("7d", 10800)])
def test_hosts_spread_over_a_part_of_the_period(text, delay):
    assert schedule.timer(text).delay == delay


@pytest.mark.parametrize("text, seconds", [("90m", 5400), ("26h", 93600), ("1d12h", 129600), ("0", 0), ("2w", 1209600), (" 6 H ", 21600)])
def test_durations(text, seconds):
    assert durations.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1", "-1h", "1.5h", "1y", "six hours", "1h 2"])
def test_no_durations(text):
    with pytest.raises(EngineError):
        durations.parse(text)


@hypothesis.given(st.integers(0, 10**9))
def test_short_durations_have_two_units_at_most(seconds):
    assert len(durations.short(seconds).split()) <= 2


def test_retention_in_words():
    assert schedule.retention("7 daily + 4 weekly") == {
        "max_backups": 0, "max_age_days": 0, "keep_hourly": 0, "keep_daily": 7, "keep_weekly": 4, "keep_monthly": 0, "keep_yearly": 0}
    assert schedule.retention("7 backups, 30 days")["max_backups"] == 7
    with pytest.raises(EngineError):
        schedule.retention("a few")
    for name, (every, kept) in schedule.PRESETS.items():
        assert schedule.timer(every).enabled and any(schedule.retention(kept).values()), name
