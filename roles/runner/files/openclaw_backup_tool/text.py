# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words for people: sizes, spans of time, moments, tables."""
from __future__ import annotations

import time
import unicodedata
from typing import Sequence

from openclaw_backup_engine import durations

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(count: float | None) -> str:
    """Bytes for people: 1.2 GiB."""
    if count is None:
        return "-"
    index = 0
    while count >= 1024 and index < len(UNITS) - 1:
        count, index = count / 1024, index + 1
    return f"{count:.0f} {UNITS[index]}" if index == 0 or count >= 100 else f"{count:.1f} {UNITS[index]}"


def span(seconds: float) -> str:
    """A span of time for people, to the nearest second, its two greatest units: 23h 45m."""
    return durations.short(abs(seconds) + 0.5)


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
