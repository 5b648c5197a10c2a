# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""From a schedule as people write it to the lines of a systemd timer. Pure: nothing is asked of systemd.

Understood are a duration ("6h", "1d"), a cron expression ("30 2 * * 1-5"), a systemd calendar ("Mon..Fri *-*-* 02:30"), and the
words hourly, daily, weekly and monthly; "off" is never. Times are those of the host's time zone, as cron's and systemd's are.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, fields

from . import durations
from .cron import translate
from .errors import EngineError
from .options import RetentionOptions

NEVER = ("", "off", "never", "none", "false")
_DAY = 86400
_HOUR = "02"  # of backups that run once a day or more rarely: most agents are idle
_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "7d", "@hourly": "1h", "@daily": "1d", "@midnight": "1d", "@weekly": "7d"}
_MONTHLY = {"monthly": f"*-*-01 {_HOUR}:00:00", "@monthly": f"*-*-01 {_HOUR}:00:00"}
_SMALLEST = 300  # seconds
_DELAY_SHARE, _LONGEST_DELAY, _USUAL_DELAY = 8, 3 * 3600, 900
_DAYS = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]{0,6})"
_PART = r"(?:\*|\d{1,4}(?:\.\.\d{1,4})?)(?:/\d{1,4})?"
_LIST = rf"{_PART}(?:,{_PART})*"
_CALENDAR = re.compile(
    rf"(?:{_DAYS}(?:(?:\.\.|,|-){_DAYS})*,?(?:\s+|\Z))?(?:(?:{_LIST}-)?{_LIST}[-~]{_LIST}(?:\s+|\Z))?"
    rf"(?:{_LIST}:{_LIST}(?::(?:{_LIST})(?:\.\d+)?)?)?(?:\s+(?:UTC|[A-Z][A-Za-z_]+/[A-Za-z_/+-]+))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Timer:
    """lines: of the [Timer] section, besides delays. period: seconds between two runs, or None where that is not known.

    catches_up: systemd itself makes up for a run that was missed while the host was off.
    """

    lines: tuple[str, ...]
    period: int | None = None
    catches_up: bool = True

    @property
    def enabled(self) -> bool:
        return bool(self.lines)

    @property
    def delay(self) -> int:
        """Seconds over which hosts spread: an eighth of the period, three hours at most."""
        return _USUAL_DELAY if self.period is None else min(self.period // _DELAY_SHARE, _LONGEST_DELAY)


def timer(text: str, what: str = "schedule") -> Timer:
    """What a schedule means. EngineError "schedule-invalid"; what: the setting's name, for messages."""
    plain = " ".join(str(text).split())
    if plain.lower() in NEVER:
        return Timer((), catches_up=False)
    if plain.lower() in _MONTHLY:
        return Timer((f"OnCalendar={_MONTHLY[plain.lower()]}",), 28 * _DAY)
    plain = _WORDS.get(plain.lower(), plain)
    if re.fullmatch(r"[\dsmhdw ]+", plain, re.IGNORECASE):
        return _every(plain, what)
    if len(plain.split(" ")) == 5 and not re.search(r"\d:\d", plain):
        calendars = translate(plain, what)
        return Timer(tuple(f"OnCalendar={calendar}" for calendar in calendars))
    if _CALENDAR.fullmatch(plain):
        return Timer((f"OnCalendar={plain}",))
    raise invalid(what, text, "it is no duration, cron expression or systemd calendar")


def invalid(what: str, text: object, why: str) -> EngineError:
    """The error for a schedule that cannot be understood."""
    return EngineError(
        "schedule-invalid", f"{what} is {str(text)[:80]!r}: {why}",
        'Write a duration ("6h"), a cron expression ("30 2 * * *"), a systemd calendar ("Mon *-*-* 02:30"), or "off".')


def _every(text: str, what: str) -> Timer:
    """Fixed times of the day or week where the period fits into one, else so long after the last run."""
    try:
        seconds = durations.parse(text, what)
    except EngineError as exc:
        raise invalid(what, text, "it is no length of time") from exc
    if seconds < _SMALLEST:
        raise invalid(what, text, f"less than {durations.short(_SMALLEST)} is too often")
    if seconds == 7 * _DAY:
        calendar = f"Mon *-*-* {_HOUR}:00:00"
    elif seconds == _DAY:
        calendar = f"*-*-* {_HOUR}:00:00"
    elif seconds % 3600 == 0 and _DAY % seconds == 0:
        calendar = f"*-*-* 00/{seconds // 3600}:00:00" if seconds > 3600 else "*-*-* *:00:00"
    elif seconds % 60 == 0 and 3600 % seconds == 0:
        calendar = f"*-*-* *:00/{seconds // 60}:00"
    else:
        return Timer((f"OnUnitActiveSec={seconds}s", "OnBootSec=15min"), seconds, catches_up=False)
    return Timer((f"OnCalendar={calendar}",), seconds)


_RULE = re.compile(r"(\d{1,4})\s*(hourly|daily|weekly|monthly|yearly|backups?|days?)", re.ASCII | re.IGNORECASE)
PRESETS = {
    "hourly": ("1h", "24 hourly + 7 daily + 4 weekly + 6 monthly"),
    "daily": ("1d", "7 daily + 4 weekly + 6 monthly"),
    "weekly": ("7d", "8 weekly + 6 monthly"),
}


def retention(text: str) -> dict[str, int]:
    """"7 daily + 4 weekly" as the options of retention; a rule that is not named is off. EngineError "option-invalid"."""
    found = {rule.name: 0 for rule in fields(RetentionOptions)}
    for part in re.split(r"[+,]", text):
        match = _RULE.fullmatch(part.strip())
        if not match:
            raise EngineError(
                "option-invalid", f"retention is {text[:80]!r}, and {part.strip()[:40]!r} is no rule",
                'Join rules like "7 daily", "4 weekly", "30 days" and "7 backups" with +.')
        word = match.group(2).lower()
        name = "max_backups" if word.startswith("backup") else "max_age_days" if word.startswith("day") else "keep_" + word
        found[name] = int(match.group(1))
    return found
