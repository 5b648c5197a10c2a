# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""Numbers, times and other people's text, as reports show them."""
from __future__ import annotations

import datetime
import unicodedata

from .. import durations
from ..status import model

HEALTH = {
    model.DAMAGED: "Damaged", model.NEVER: "Never backed up", model.FAILING: "Failing", model.STALE: "Stale", model.UNKNOWN: "Unknown",
    model.UNVERIFIED: "Unproven", model.INCOMPLETE: "Incomplete", model.UNREACHABLE: "Host silent", model.DISABLED: "Turned off",
    model.OK: "In order",
}
TODO = {
    model.DAMAGED: "Verify the repository, keep its older snapshots, and make a backup: it stores what is missing anew.",
    model.NEVER: "Check that the host is set up and its timer runs; start a backup by hand to see what stops it.",
    model.FAILING: "Look up the error code in docs/troubleshooting.md, and run a backup on the host by hand.",
    model.STALE: "See whether the host is up and its timer is active: systemctl list-timers 'openclaw-backup@*'.",
    model.UNKNOWN: "Check the storage's permissions, and whether the host is up.",
    model.UNVERIFIED: "Prove it on the staging host: openclaw-backup verify --level boot; level restore counts, too.",
    model.INCOMPLETE: "The run's result lists what is missing and why; exclude it on purpose, or let the backup read it.",
    model.UNREACHABLE: "See whether the host is up.",
    model.DISABLED: "Turn it on again, or leave the instance out of what is expected.",
}
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # what steers a terminal or turns the direction of a line


def clean(text: object, limit: int = 500) -> str:
    """Text of others on one line: what is invisible or steers a terminal is spelled out, what is too long is cut."""
    shown = str(text)[:limit + 1]
    if not shown.isprintable():
        shown = "".join(
            " " if char in "\n\t" else char if unicodedata.category(char) not in _HIDDEN else f"\\u{ord(char):04x}" for char in shown)
    return shown[:limit] + "…" if len(shown) > limit else shown


def size(count: float) -> str:
    """Bytes in decimal units: 1.7 GB."""
    count = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < 999.5 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" or abs(count) >= 99.5 else f"{count:.1f} {unit}"


def change(count: int | None) -> str:
    """A signed size; empty where it is not known."""
    if count is None:
        return ""
    return "±0" if count == 0 else ("+" if count > 0 else "−") + size(abs(count))


def moment(seconds: float | None) -> str:
    """2026-11-20 02:30 UTC."""
    text = model.iso(seconds)
    return "" if text is None else f"{text[:10]} {text[11:16]} UTC"


def ago(seconds: float | None, now: float) -> str:
    """How long ago; empty where it is not known."""
    return "" if seconds is None else f"{durations.short(now - seconds)} ago"


def until(seconds: float | None, now: float) -> str:
    """How long until; empty where it is not known."""
    if seconds is None:
        return ""
    return f"in {durations.short(seconds - now)}" if seconds > now else f"due {durations.short(now - seconds)} ago"


def count(number: int, one: str, many: str = "") -> str:
    """1 instance, 2 instances."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def date_of_day(now: float, back: int) -> str:
    """The UTC date so many days before now."""
    day = datetime.datetime.fromtimestamp(now, datetime.timezone.utc) - datetime.timedelta(days=back)
    return f"{day:%Y-%m-%d}"
