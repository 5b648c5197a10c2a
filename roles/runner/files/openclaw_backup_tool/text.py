# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words for people: sizes, spans of time, moments, tables."""
from __future__ import annotations

import re
import time
import unicodedata
from typing import Sequence

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SPAN = re.compile(r"(?:(\d+)w)?\s*(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m(?:in)?)?\s*(?:(\d+)s)?")
_SECONDS = (604800, 86400, 3600, 60, 1)


def size(count: float | None) -> str:
    """Bytes for people: 1.2 GiB."""
    if count is None:
        return "-"
    index = 0
    while count >= 1024 and index < len(UNITS) - 1:
        count, index = count / 1024, index + 1
    return f"{count:.0f} {UNITS[index]}" if index == 0 or count >= 100 else f"{count:.1f} {UNITS[index]}"


def span(seconds: float) -> str:
    """A span of time for people, its two greatest units: 23h 45m."""
    whole, parts = int(abs(seconds) + 0.5), []
    for letter, unit in zip("dhms", _SECONDS[1:]):
        if whole >= unit or parts:
            parts.append((whole // unit, letter))
            whole %= unit
    return " ".join(f"{count}{letter}" for place, (count, letter) in enumerate(parts[:2]) if count or not place) or "0s"


def seconds_of(text: str) -> float:
    """The seconds of a span such as 26h, 35d, 1d 12h. ValueError."""
    match = _SPAN.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is no span of time such as 26h or 35d")
    return float(sum(int(count or 0) * unit for count, unit in zip(match.groups(), _SECONDS)))


def iso(seconds: float) -> str:
    """A moment for programs: 2026-11-20T02:30:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def moment(text: str | None) -> str:
    """A moment for people, from that of iso() or a snapshot id: 2026-11-20 02:30:00 UTC."""
    return f"{text[:10]} {text[11:19]} UTC" if text else "never"


def printable(text: object) -> str:
    """Text that cannot move the cursor or hide anything: control characters and odd bytes are spelled out."""
    return "".join(
        char if char == " " or unicodedata.category(char)[0] not in "CZ" else ascii(char)[1:-1] for char in str(text))


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> str:
    """Aligned columns. right: numbers of columns that end on the right."""
    cells = [list(head)] + [["-" if cell in (None, "") else printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = (
        "  ".join(cell.rjust(width) if column in right else cell.ljust(width)
                  for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in cells)
    return "\n".join(lines)


def pairs(rows: Sequence[tuple[str, object]]) -> str:
    """Lines of a name and a value, aligned."""
    width = max(len(name) for name, _value in rows) + 2
    return "\n".join(f"{name + ':':<{width}}{value}" for name, value in rows)
