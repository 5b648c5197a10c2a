# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""A fleet's status as a table for a terminal: one line per instance, the one that needs a person most first."""
from __future__ import annotations

import unicodedata

from ..status.model import ATTENTION, BAD, OK, Fleet, InstanceStatus
from . import words

_COLUMNS = ("INSTANCE", "HOST", "HEALTH", "LAST GOOD", "SIZE", "30 DAYS", "MISSING", "PROVEN", "NEXT", "WHY")
_RIGHT = {"SIZE", "30 DAYS", "MISSING"}
_NOTHING = "-"


def table(fleet: Fleet) -> str:
    """Lines with a newline each. Holds no control characters, whatever the instances are called."""
    rows = [_row(item, fleet.now) for item in fleet.instances]
    widths = [max(map(_width, column)) for column in zip(_COLUMNS, *rows)]
    lines = [_line(row, widths) for row in (_COLUMNS, *rows)]
    return "\n".join([*lines, "", summary(fleet), ""])


def summary(fleet: Fleet) -> str:
    """One sentence for all."""
    return (
        f"{words.count(len(fleet.instances), 'instance')}: {fleet.count(BAD)} bad, {fleet.count(ATTENTION)} to look at, "
        f"{fleet.count(OK)} in order; {fleet.recoverable} could be brought back today. {words.clean(fleet.url)}, {words.moment(fleet.now)}")


def _row(item: InstanceStatus, now: float) -> tuple[str, ...]:
    backup, proof = item.backup, item.verified
    why = item.reason + (f" (since {words.moment(item.findings[0].since)})" if item.findings and item.findings[0].since is not None else "")
    cells = (
        item.instance, item.host, item.health, words.ago(item.last_good, now), words.size(backup.bytes) if backup else "",
        words.change(item.growth()), str(backup.omissions) if backup and backup.omissions else "",
        ("" if proof.passed else "failed ") + words.ago(proof.time, now) if proof else "", words.until(item.next_run, now), why)
    return tuple(words.clean(cell) or _NOTHING for cell in cells)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = []
    for name, cell, width in zip(_COLUMNS, row, widths):
        space = " " * (width - _width(cell))
        cells.append(space + cell if name in _RIGHT else cell + space)
    return "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """Columns that it takes on a terminal."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
