# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Which versions of Node a package accepts: the comparisons of npm's ranges that `engines` uses."""
from __future__ import annotations

import re

_VERSION = re.compile(r"v?(\d+)(?:\.(\d+|x|\*))?(?:\.(\d+|x|\*))?(?:[-+].*)?")
_COMPARISON = re.compile(r"(>=|<=|>|<|=|\^|~)?\s*(v?\d[0-9A-Za-z.*+-]*)")


def fits(version: str, wanted: str) -> bool | None:
    """Whether a version is in a range such as ">=22.16 <23 || ^24.1"; None where the range or the version is not understood."""
    have = _numbers(version)
    if have is None:
        return None
    verdicts = [_all_hold(have[0], part.strip()) for part in wanted.split("||")]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _all_hold(have: tuple[int, ...], text: str) -> bool | None:
    if text in ("", "*", "x"):
        return True
    verdicts, rest = [], text
    while rest:
        found = _COMPARISON.match(rest)
        bounds = _numbers(found.group(2)) if found else None
        if bounds is None:
            return None
        verdicts.append(_holds(have, found.group(1) or "=", *bounds))
        rest = rest[found.end():].lstrip()
    return all(verdicts)


def _holds(have: tuple[int, ...], sign: str, low: tuple[int, ...], named: int) -> bool:
    """low: the smallest version that is meant. named: how many of its numbers were written; "22" means all of 22."""
    above = _next(low, named)  # the first version that is not meant any more
    if sign == "^":
        return low <= have < _next(low, 1)
    if sign == "~":
        return low <= have < _next(low, min(named, 2))
    return {">=": have >= low, ">": have >= above if named < 3 else have > low, "<": have < low, "<=": have < above,
            "=": low <= have < above}[sign]


def _next(low: tuple[int, ...], named: int) -> tuple[int, ...]:
    return (*low[:named - 1], low[named - 1] + 1, *(0,) * (3 - named))


def _numbers(text: str) -> tuple[tuple[int, ...], int] | None:
    found = _VERSION.fullmatch(text)
    if not found:
        return None
    written = [int(part) for part in found.groups() if part and part.isdigit()]
    return (*written, *(0,) * (3 - len(written))), len(written)
