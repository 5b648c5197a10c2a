# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""Lengths of time as people write them: 90m, 6h, 1d, 2w, 1d12h."""
from __future__ import annotations

import re

from .errors import EngineError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d{1,9})\s*([smhdw])", re.ASCII)
_WHOLE = re.compile(r"(?:\d{1,9}\s*[smhdw]\s*)+", re.ASCII)


def parse(text: str, what: str = "duration") -> int:
    """Seconds of "90m", "6h", "1d12h"; "0" is 0. EngineError "option-invalid" for anything else. what: the option's name."""
    plain = str(text).strip().lower()
    if plain == "0":
        return 0
    if not _WHOLE.fullmatch(plain):
        raise EngineError(
            "option-invalid", f"{what} is {str(text)[:80]!r}, which is no length of time",
            "Write a number and a unit: s, m, h, d or w, for example 90m, 26h or 1d12h.")
    return sum(int(number) * UNITS[unit] for number, unit in _PART.findall(plain))


def short(seconds: float) -> str:
    """For people, with at most two units: "3d 4h", "45m", "0s". A negative one counts as 0."""
    rest, parts = max(int(seconds), 0), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0s"
