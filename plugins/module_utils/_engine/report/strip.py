# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""The last days of an instance as a small picture, and in words for who does not see it. Heights differ, not only colours."""
from __future__ import annotations

from collections import Counter
from itertools import groupby

from ..status import model
from . import words

HEIGHT = 20
# state: (class, top, height) of its bar.
BARS = {
    model.DAY_BACKUP: ("b", 0, 20), model.DAY_UNCHANGED: ("u", 8, 12), model.DAY_INCOMPLETE: ("i", 0, 20), model.DAY_FAILED: ("f", 4, 16),
    model.DAY_RAN: ("r", 12, 8), model.DAY_NONE: ("n", 17, 3), model.DAY_OPEN: ("p", 18, 2),
    model.DAY_BEFORE: ("p", 18, 2),
}
MEANINGS = {
    model.DAY_BACKUP: "backed up", model.DAY_UNCHANGED: "nothing new", model.DAY_INCOMPLETE: "incomplete", model.DAY_FAILED: "failed",
    model.DAY_RAN: "ran, result not read yet", model.DAY_NONE: "nothing", model.DAY_OPEN: "not yet today",
    model.DAY_BEFORE: "before the first",
}


def svg(states: tuple[str, ...], now: float) -> str:
    """An inline SVG; neighbouring days alike are one rectangle, and the style sheet cuts them into days."""
    place, bars = 0, []
    for state, group in groupby(states):
        length = len(list(group))
        bars.append(shape(state, place, length))
        place += length
    return (
        f'<svg class="strip" role="img" aria-label="{describe(states, now)}" viewBox="0 0 {len(states)} {HEIGHT}" '
        f'preserveAspectRatio="none">{"".join(bars)}</svg>')


def shape(state: str, place: int, length: int) -> str:
    """One run of equal days."""
    name, top, height = BARS[state]
    cut = ""
    if state == model.DAY_FAILED:  # two pieces with a gap: to be told apart without colours
        return (f'<rect class="f" x="{place}" y="2" width="{length}" height="8"/>'
                f'<rect class="f" x="{place}" y="14" width="{length}" height="6"/>')
    if state == model.DAY_INCOMPLETE:
        cut = f'<rect class="h" x="{place}" y="5" width="{length}" height="3"/>'
    return f'<rect class="{name}" x="{place}" y="{top}" width="{length}" height="{height}"/>{cut}'


def describe(states: tuple[str, ...], now: float) -> str:
    """The same in words."""
    found = Counter(states)
    parts = [f"{words.count(found[state], 'day')} {meaning}" for state, meaning in MEANINGS.items() if found[state]]
    bad = [number for number, state in enumerate(reversed(states)) if state in (model.DAY_FAILED, model.DAY_NONE)]
    last = f"; last bad day {words.date_of_day(now, bad[0])}" if bad else ""
    return f"Last {len(states)} days: {', '.join(parts)}{last}"


def sparkline(sizes: tuple[tuple[float, int], ...], now: float) -> str:
    """Sizes over the same days as a line; nothing where fewer than two are known."""
    shown = [(time, size) for time, size in sizes if time > now - model.STRIP_DAYS * model.DAY]
    if len(shown) < 2:
        return ""
    low, high = min(size for _time, size in shown), max(size for _time, size in shown)
    spread = max(high - low, high * 0.02, 1)  # a few bytes more are no mountain
    points = " ".join(
        f"{model.STRIP_DAYS - (now - time) / model.DAY:.1f},{22 - 20 * (size - low) / spread:.1f}" for time, size in shown)
    label = f"Size between {words.size(low)} and {words.size(high)}"
    return (
        f'<svg class="line" role="img" aria-label="{label}" viewBox="0 0 {model.STRIP_DAYS} 24" preserveAspectRatio="none">'
        f'<polyline points="{points}"/></svg>')
