# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From measured results to tables: medians of all rounds, as text for a terminal and as Markdown for docs/performance.md."""
from __future__ import annotations

import os
import platform
import statistics
import subprocess
from typing import Iterable

from rounds import OPERATIONS, Result

TITLES = {"first": "first backup", "unchanged": "nothing changed", "hour": "after one hour", "day": "after one day", "restore": "restore",
          "prune": "prune to one"}
MEASURES = {  # heading: (value of a result, how to print it, which operations it means something for)
    "wall, s": (lambda r: r.wall, "{:.2f}", OPERATIONS),
    "until on disk, s": (lambda r: r.durable, "{:.2f}", ("restore",)),
    "CPU, s": (lambda r: r.cpu, "{:.2f}", OPERATIONS),
    "memory, MB": (lambda r: r.memory / 1e6, "{:.0f}", OPERATIONS),
    "stored, MB": (lambda r: r.stored / 1e6, "{:.1f}", OPERATIONS[:4]),
    "rewritten, MB": (lambda r: r.written / 1e6, "{:.1f}", ("prune",)),
    "requests": (lambda r: r.requests, "{:.0f}", OPERATIONS),
    "sent, MB": (lambda r: None if r.sent is None else r.sent / 1e6, "{:.1f}", OPERATIONS),
    "received, MB": (lambda r: None if r.received is None else r.received / 1e6, "{:.1f}", OPERATIONS),
}
OURS, REFERENCE = "openclaw_ops", "restic"


def tables(results: list[Result]) -> str:
    """One Markdown table per place; each row an operation and a measure, each column a tool."""
    parts = []
    for place in ordered(result.place for result in results):
        here = [result for result in results if result.place == place]
        parts.append(f"### {place[0].upper()}{place[1:]}\n\n{table(here)}")
    return "\n\n".join(parts) + "\n"


def table(results: list[Result]) -> str:
    """Medians; the wall time with its range over the rounds."""
    tools = ordered(result.tool for result in results)
    tools.sort(key=lambda name: name != OURS)
    rows = [["operation", "measure", *tools, f"{OURS} / {REFERENCE}"]]
    for operation in OPERATIONS:
        title = TITLES[operation]
        for heading, (value, form, operations) in MEASURES.items():
            if operation not in operations:
                continue
            medians = {}
            cells = []
            for tool in tools:
                values = [value(r) for r in results if r.tool == tool and r.operation == operation and value(r) is not None]
                medians[tool] = statistics.median(values) if values else None
                cells.append(cell(values, form, ranged=heading.startswith("wall")))
            if any(median is not None for median in medians.values()):
                rows.append([title, heading, *cells, ratio(medians)])
                title = ""
    return markdown(rows)


def cell(values: list[float], form: str, ranged: bool) -> str:
    """A median, and the range behind it."""
    if not values:
        return "–"
    text = form.format(statistics.median(values))
    return f"{text} ({form.format(min(values))}–{form.format(max(values))})" if ranged and len(values) > 1 else text


def ratio(medians: dict[str, float | None]) -> str:
    """Ours by restic's."""
    ours, reference = medians.get(OURS), medians.get(REFERENCE)
    return f"{ours / reference:.2f}" if ours is not None and reference else ""


def markdown(rows: list[list[str]]) -> str:
    """A Markdown table that also reads well as plain text."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines)


def machine(work: str, versions: list[str]) -> str:
    """What a reader must know of the machine, as a list."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as stream:
        processor = next((line.partition(":")[2].strip() for line in stream if line.startswith("model name")), "an unnamed processor")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = subprocess.run(["findmnt", "-no", "FSTYPE", "-T", work], capture_output=True, text=True, check=False).stdout.strip() or "?"
    facts = [f"{os.cpu_count()} cores of {processor}, {memory:.0f} GiB of memory, Linux {platform.release()}, {system}",
             f"load before the run: {os.getloadavg()[0]:.1f}", f"Python {platform.python_version()}", *versions]
    return "\n".join(f"- {fact}" for fact in facts)


def replace_section(text: str, name: str, content: str) -> str:
    """Put content between the markers of that name in a Markdown text; append the section where there is none."""
    begin, end = f"<!-- figures: {name} -->", f"<!-- end of figures: {name} -->"
    section = f"{begin}\n{content.strip()}\n{end}"
    if begin in text and end in text:
        return text[:text.index(begin)] + section + text[text.index(end) + len(end):]
    return text.rstrip() + f"\n\n{section}\n"


def ordered(items: Iterable[str]) -> list[str]:
    """Each once, in order of appearance."""
    return list(dict.fromkeys(items))
