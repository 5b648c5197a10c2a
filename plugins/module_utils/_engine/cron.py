# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""Cron expressions of five fields as systemd calendars. Cron's rules are those of cron(8) by Paul Vixie."""
from __future__ import annotations

import re

from .errors import EngineError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_DAYS_IN = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# name, lowest, highest, names of its values beginning with the lowest
_FIELDS = (
    ("minute", 0, 59, ()), ("hour", 0, 23, ()), ("day of month", 1, 31, ()), ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, tuple(day.lower() for day in _WEEKDAYS)))
_PIECE = re.compile(r"(\*|\?|\w+)(?:-(\w+))?(?:/(\d{1,3}))?", re.ASCII)


def fields(text: str, what: str = "schedule") -> list[set[int]]:
    """The values of minute, hour, day of month, month and day of week (0 is Sunday). EngineError "schedule-invalid"."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise _invalid(what, text, f"a cron expression has five fields, and this one has {len(parts)}")
    found = [_values(part, field, text, what) for part, field in zip(parts, _FIELDS)]
    found[4] = {day % 7 for day in found[4]}
    return found


def translate(text: str, what: str = "schedule") -> list[str]:
    """The calendars that together mean the expression: two where cron takes either of two kinds of days."""
    minutes, hours, days, months, weekdays = fields(text, what)
    parts = text.split()
    time = f"{_spell(hours, 24)}:{_spell(minutes, 60)}:00"
    named = _spell_weekdays(weekdays)
    if parts[2][0] in "*?" or parts[4][0] in "*?":  # both must fit
        _check_days(days, months, text, what)
        return [f"{named}*-{_spell(months, 12)}-{_spell(days, 31)} {time}"]
    calendars = [f"{named}*-{_spell(months, 12)}-* {time}"]
    if any(min(days) <= _DAYS_IN[month - 1] for month in months):
        calendars.append(f"*-{_spell(months, 12)}-{_spell(days, 31)} {time}")
    return calendars


def _check_days(days: set[int], months: set[int], text: str, what: str) -> None:
    if all(min(days) > _DAYS_IN[month - 1] for month in months):
        raise _invalid(what, text, "there is no such day in these months")


def _values(part: str, field: tuple, text: str, what: str) -> set[int]:
    name, low, high, _names = field
    found: set[int] = set()
    for piece in part.lower().split(","):
        match = _PIECE.fullmatch(piece)
        if not match:
            raise _invalid(what, text, f"{piece[:20]!r} is no {name}")
        first, last, step = match.groups()
        if first in "*?":
            if last:
                raise _invalid(what, text, f"{piece[:20]!r} is no {name}")
            start, end = low, high if name != "day of week" else 6
        else:
            start = _number(first, field, text, what)
            end = _number(last, field, text, what) if last else start if step is None else high
        if start > end or step is not None and not 0 < int(step) <= high:
            raise _invalid(what, text, f"{piece[:20]!r} is no {name}")
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(word: str, field: tuple, text: str, what: str) -> int:
    name, low, high, names = field
    if word in names:
        return low + names.index(word)
    if not word.isdigit() or not low <= int(word) <= high:
        raise _invalid(what, text, f"{word[:20]!r} is no {name}")
    return int(word)


def _spell(values: set[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(f"{value:02d}" for value in sorted(values))


def _spell_weekdays(days: set[int]) -> str:
    return "" if len(days) == 7 else ",".join(_WEEKDAYS[day] for day in sorted(days)) + " "


def _invalid(what: str, text: str, why: str) -> EngineError:
    return EngineError(
        "schedule-invalid", f"{what} is {text[:80]!r}: {why}", 'Write for example "30 2 * * *" for half past two in the night, every day.')
