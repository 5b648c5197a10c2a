# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Words for how far long work is."""
from __future__ import annotations

from dataclasses import dataclass

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True)
class Sample:
    """What a module's progress file said: counts of content, and seconds since the work began."""

    phase: str
    elapsed: float
    bytes_done: int
    bytes_total: int
    files_done: int
    files_total: int
    pid: int

    @classmethod
    def from_dict(cls, values: dict) -> Sample:
        """The sample that a progress file holds. Raises KeyError, TypeError or ValueError if it is none."""
        numbers = {name: int(values[name]) for name in ("bytes_done", "bytes_total", "files_done", "files_total", "pid")}
        return cls(phase=str(values["phase"])[:60], elapsed=float(values["elapsed"]), **numbers)


def size(count: float) -> str:
    """Bytes for people: 1.2 GiB."""
    index = 0
    while count >= 1024 and index < len(UNITS) - 1:
        count, index = count / 1024, index + 1
    return f"{count:.0f} {UNITS[index]}" if index == 0 or count >= 100 else f"{count:.1f} {UNITS[index]}"


def duration(seconds: float) -> str:
    """A span of time for people: 8 s, 2 min 5 s, 3 h 10 min."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def line(samples: list[Sample]) -> str:
    """One line for the newest of some samples, oldest first; the earlier ones give the rate."""
    now = samples[-1]
    before = next((sample for sample in samples if sample.phase == now.phase), now)
    words = [now.phase or "working"]
    if now.bytes_total:
        words.append(f"{min(100, 100 * now.bytes_done // now.bytes_total)} %")
    words.append(f"{size(now.bytes_done)} of {size(now.bytes_total)}" if now.bytes_total else size(now.bytes_done))
    words.append(f"{now.files_done} of {now.files_total} files" if now.files_total else f"{now.files_done} files")
    rate = (now.bytes_done - before.bytes_done) / (now.elapsed - before.elapsed) if now.elapsed > before.elapsed else 0.0
    if rate > 0:
        words.append(f"{size(rate)}/s")
        if now.bytes_total > now.bytes_done:
            words.append(f"{duration((now.bytes_total - now.bytes_done) / rate)} left")
    return ", ".join(words)
