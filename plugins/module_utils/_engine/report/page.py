# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""A fleet's status as one HTML page that needs nothing else: no scripts, no fonts, no network.

Whatever comes from hosts or the storage is text, spelled by _text(). The page's own policy forbids scripts and loads besides.
"""
from __future__ import annotations

import base64
import hashlib
import html

from .. import durations
from .._version import VERSION
from ..status.model import ATTENTION, BAD, OK, Fleet, InstanceStatus, iso
from . import strip, words
from .page_style import STYLE

_GROUPS = ((BAD, "Needs a person now"), (ATTENTION, "To look at"), (OK, "In order"))
_COLUMNS = ("Instance", "State", "Last good backup", "Size", "Last proven restore", "Last 90 days")
_ICONS = {
    BAD: '<path d="M3 3l10 10M13 3L3 13"/>', ATTENTION: '<path d="M8 2v8M8 12.5v2"/>', OK: '<path d="M2 9l4 4 8-10"/>'}


def page(fleet: Fleet, title: str = "OpenClaw backups") -> str:
    """The whole document. title: what stands above it and in the window's title."""
    policy = f"default-src 'none'; style-src 'sha256-{_digest(STYLE)}'; base-uri 'none'; form-action 'none'"
    parts = [
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', '<meta name="robots" content="noindex">',
        '<meta name="referrer" content="no-referrer">', f"<title>{_text(_short_verdict(fleet))} – {_text(title)}</title>",
        f"<style>{STYLE}</style>", "</head>", "<body>", '<a class="skip" href="#instances">To the instances</a>', *_header(fleet, title),
        '<main id="instances">', "<h2>Instances</h2>", *_table(fleet), "</main>", *_footer(), "</body>", "</html>", ""]
    return "\n".join(parts)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(value: object) -> str:
    """Text of others as text of the page."""
    return html.escape(words.clean(value), quote=True)


def _short_verdict(fleet: Fleet) -> str:
    bad, look = fleet.count(BAD), fleet.count(ATTENTION)
    return f"{bad} bad" if bad else f"{look} to look at" if look else "all in order"


def _verdict(fleet: Fleet) -> str:
    total, bad, look = len(fleet.instances), fleet.count(BAD), fleet.count(ATTENTION)
    if bad:
        return f"{bad:,} of {words.count(total, 'instance')} {'needs' if bad == 1 else 'need'} a person now."
    if look:
        return f"Every instance is backed up, and {look:,} of {total:,} should be looked at."
    return f"All is in order: {words.count(total, 'instance')} backed up as wanted."


def _header(fleet: Fleet, title: str) -> list[str]:
    stored = sum(item.backup.bytes for item in fleet.instances if item.backup)
    ages = [item.age for item in fleet.instances if item.age is not None]
    proven = sum(1 for item in fleet.instances if item.verified and item.verified.passed)
    sums = (
        ("Need a person", f"{fleet.count(BAD):,}"), ("To look at", f"{fleet.count(ATTENTION):,}"),
        ("In order", f"{fleet.count(OK):,}"), ("Oldest last backup", durations.short(max(ages)) if ages else "–"),
        ("Proven to restore", f"{proven:,} of {len(fleet.instances):,}"),
        ("Content", words.size(stored)))
    return [
        "<header>", f"<h1>{_text(title)}</h1>",
        f'<p class="soft">{_text(fleet.url)}, as of <time datetime="{iso(fleet.now)}">{words.moment(fleet.now)}</time></p>',
        f'<p class="verdict">{_text(_verdict(fleet))}</p>', '<dl class="sums">',
        *(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in sums), "</dl>", "</header>"]


def _table(fleet: Fleet) -> list[str]:
    # The roles are said again: where a narrow screen shows rows as cards, browsers forget that this is a table.
    columns = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in _COLUMNS)
    lines = [
        '<table role="table">', "<caption>What needs a person most stands first. All times are UTC.</caption>",
        f'<thead role="rowgroup"><tr role="row">{columns}</tr></thead>']
    for severity, name in _GROUPS:
        rows = [item for item in fleet.instances if item.severity == severity]
        if rows:
            lines += [
                '<tbody role="rowgroup">',
                f'<tr class="group" role="row"><th scope="rowgroup" role="rowheader" colspan="{len(_COLUMNS)}">'
                f"{name} ({len(rows):,})</th></tr>",
                *(_row(item, fleet.now) for item in rows), "</tbody>"]
    return [*lines, "</table>"]


def _row(item: InstanceStatus, now: float) -> str:
    host = f'<br><span class="soft">{_text(item.host)}</span>' if item.host and item.host != item.instance else ""
    cells = (_backup(item, now), _size(item), _proof(item, now))
    shown = "".join(f'<td role="cell"><span class="key">{name}</span>{cell}</td>' for name, cell in zip(_COLUMNS[2:], cells))
    days = strip.sparkline(item.sizes, now) + strip.svg(item.strip, now) if item.strip else ""
    return (
        f'<tr class="row {item.severity}" role="row"><th scope="row" role="rowheader">{_text(item.instance)}{host}</th>'
        f'<td class="state" role="cell">{_state(item)}</td>{shown}'
        f'<td class="days" role="cell"><span class="key">{_COLUMNS[-1]}</span>{days}</td></tr>')


def _state(item: InstanceStatus) -> str:
    icon = f'<svg viewBox="0 0 16 16" aria-hidden="true">{_ICONS[item.severity]}</svg>'
    badge = f'<span class="badge">{icon}{words.HEALTH[item.health]}</span>'
    if not item.findings:
        return badge
    found = "".join(
        f"<li>{_text(finding.text)}{_since(finding.since)}</li>" for finding in item.findings)
    return f'{badge}<ul class="why">{found}</ul><p class="todo">{_text(words.TODO[item.health])}</p>'


def _since(seconds: float | None) -> str:
    return "" if seconds is None else f' <span class="soft">(since {_time(seconds)})</span>'


def _time(seconds: float) -> str:
    return f'<time class="one" datetime="{iso(seconds)}">{words.moment(seconds)[:-4]}</time>'


def _lines(first: str, *others: str) -> str:
    return "<br>".join([f'<span class="one">{first}</span>', *(f'<span class="soft one">{other}</span>' for other in others if other)])


def _backup(item: InstanceStatus, now: float) -> str:
    following = "" if item.next_run is None else f"next {words.until(item.next_run, now)}"
    if item.last_good is None:
        return _lines("never", following)
    kind = _text(item.backup.kind) if item.backup else ""
    version = f"OpenClaw {_text(item.backup.openclaw_version)}" if item.backup and item.backup.openclaw_version else ""
    return _lines(words.ago(item.last_good, now), _time(item.last_good), kind, version, following)


def _size(item: InstanceStatus) -> str:
    if item.backup is None:
        return "–"
    grown = item.growth()
    return _lines(words.size(item.backup.bytes), f"{words.change(grown)} in 30d" if grown is not None else "")


def _proof(item: InstanceStatus, now: float) -> str:
    if item.verified is None:
        return "never"
    took = f"took {durations.short(item.verified.duration_s)}" if item.verified.duration_s is not None else ""
    if not item.verified.passed:
        return _lines(f"failed {words.ago(item.verified.time, now)}", _time(item.verified.time))
    return _lines(words.ago(item.verified.time, now), _time(item.verified.time), took)


def _footer() -> list[str]:
    entries = "".join(
        f'<li><svg class="strip" aria-hidden="true" viewBox="0 0 1 {strip.HEIGHT}" preserveAspectRatio="none">'
        f"{strip.shape(state, 0, 1)}</svg>{meaning}</li>" for state, meaning in strip.MEANINGS.items())
    return [
        "<footer>", "<h2>Reading the days</h2>", f'<ul class="legend">{entries}</ul>',
        '<p class="soft">Days are those of UTC. Times are by the storage\'s clock. What a snapshot says of itself is not authenticated '
        "without its key; whoever may write to the storage is believed.</p>",
        f'<p class="soft">openclaw_ops.backup {VERSION}</p>', "</footer>"]
