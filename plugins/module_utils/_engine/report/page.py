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
from ..status.model import ATTENTION, BAD, OK, Channel, Fleet, InstanceStatus, iso
from . import strip, words
from .page_style import STYLE

_GROUPS = ((BAD, "Needs a person now"), (ATTENTION, "To look at"), (OK, "In order"))
_COLUMNS = ("Instance", "State", "Last good backup", "Last proven restore", "After a restore", "Last 90 days")
_ICONS = {
    BAD: '<path d="M3 3l10 10M13 3L3 13"/>', ATTENTION: '<path d="M8 2v8M8 12.5v2"/>', OK: '<path d="M2 9l4 4 8-10"/>'}


def page(fleet: Fleet, title: str = "OpenClaw backups") -> str:
    """The whole document. title: what stands above it and in the window's title."""
    policy = f"default-src 'none'; style-src 'sha256-{_digest(STYLE)}'; base-uri 'none'; form-action 'none'"
    parts = [
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', '<meta name="robots" content="noindex">',
        '<meta name="referrer" content="no-referrer">', '<link rel="icon" href="data:,">',
        f"<title>{_text(_short_verdict(fleet))} – {_text(title)}</title>",
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
    total = len(fleet.instances)
    if fleet.recoverable == total:
        return f"{'Each of ' if total > 1 else ''}{words.count(total, 'instance')} could be brought back today."
    return f"{fleet.recoverable:,} of {words.count(total, 'instance')} could be brought back today."


def _to_do(fleet: Fleet) -> str:
    bad, look = fleet.count(BAD), fleet.count(ATTENTION)
    parts = [f"{bad:,} {'needs' if bad == 1 else 'need'} a person now"] if bad else []
    parts += [f"{look:,} should be looked at"] if look else []
    return f"{' and '.join(parts)}." if parts else "Nothing is to be done."


def _header(fleet: Fleet, title: str) -> list[str]:
    stored = sum(item.backup.bytes for item in fleet.instances if item.backup)
    ages = [item.age for item in fleet.instances if item.age is not None]
    proofs = [item.verified for item in fleet.instances if item.verified]
    took = [proof.duration_s if proof.recovery_s is None else proof.recovery_s for proof in proofs]
    sums = (
        ("Need a person", f"{fleet.count(BAD):,}"), ("To look at", f"{fleet.count(ATTENTION):,}"),
        ("In order", f"{fleet.count(OK):,}"), ("Oldest last backup", durations.short(max(ages)) if ages else "–"),
        ("Slowest restore", durations.short(max(filter(None, took))) if any(took) else "–"), ("Content", words.size(stored)))
    return [
        "<header>", f"<h1>{_text(title)}</h1>",
        f'<p class="soft wide">{_text(fleet.url)}, as of <time datetime="{iso(fleet.now)}">{words.moment(fleet.now)}</time></p>',
        f'<div class="verdict {fleet.severity}"><p class="big">{_text(_verdict(fleet))}</p><p>{_to_do(fleet)}</p></div>',
        '<dl class="sums">',
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
    cells = (
        ("", _backup(item, now)), ("", _proof(item, now)), ("", _channels(item.channels)), (' class="days"', _days(item, now)))
    shown = "".join(
        f'<td{kind} role="cell"><span class="key">{name}</span>{cell}</td>'
        for name, (kind, cell) in zip(_COLUMNS[2:], cells))
    return (
        f'<tr class="row {item.severity}" role="row"><th scope="row" role="rowheader">{_text(item.instance)}{host}</th>'
        f'<td class="state" role="cell">{_state(item)}</td>{shown}</tr>')


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
    return "<br>".join([first, *(f'<span class="soft">{other}</span>' for other in others if other)])


def _backup(item: InstanceStatus, now: float) -> str:
    following = "" if item.next_run is None else f"next {words.until(item.next_run, now)}"
    if item.last_good is None:
        return _lines("never", following)
    backup = item.backup
    missing = f'<strong class="less">{words.count(backup.omissions, "omission")}</strong>' if backup and backup.omissions else ""
    version = f"OpenClaw {_text(backup.openclaw_version)}" if backup and backup.openclaw_version else ""
    return _lines(
        words.ago(item.last_good, now), missing, _time(item.last_good), _text(backup.kind) if backup and backup.kind != "scheduled" else "",
        version, following)


def _proof(item: InstanceStatus, now: float) -> str:
    proof = item.verified
    if proof is None:
        return "never"
    how = [f"took {durations.short(proof.duration_s)}"] if proof.duration_s is not None else []
    how = [f"back in {durations.short(proof.recovery_s)}"] if proof.recovery_s is not None else how
    how += [f"on {_text(proof.host)}"] if proof.host else []
    wrong = [name for name, passed in proof.checks if not passed]
    checks = f"{len(proof.checks) - len(wrong)} of {words.count(len(proof.checks), 'check')} passed" if proof.checks else ""
    failed = f"failed: {_text(', '.join(wrong))}" if wrong else ""
    shown = words.ago(proof.time, now) if proof.passed else f'<strong class="less">failed {words.ago(proof.time, now)}</strong>'
    return _lines(shown, _time(proof.time), ", ".join(how), checks, failed)


def _channels(channels: tuple[Channel, ...] | None) -> str:
    """What becomes of the agent's channels: which a person may have to pair again."""
    if channels is None:
        return '<span class="soft">not known</span>'
    if not channels:
        return '<span class="soft">no channels</span>'
    lines = []
    for meaning, outcomes in (("pair again", ("no",)), ("may ask to be paired", ("unknown",)), ("goes on", ("yes", "usually"))):
        names = ", ".join(one.channel for one in channels if one.survives in outcomes)
        lines += [f'<span class="{"soft" if outcomes[0] == "yes" else ""}">{meaning}: {_text(names)}</span>'] if names else []
    return "<br>".join(lines)


def _days(item: InstanceStatus, now: float) -> str:
    grown = item.growth()
    size = f"{words.size(item.backup.bytes)}{f', {words.change(grown)} in 30d' if grown is not None else ''}" if item.backup else ""
    shown = strip.sparkline(item.sizes, now) + strip.svg(item.strip, now) if item.strip else ""
    return shown + (f'<span class="soft">{size}</span>' if size else "")


def _footer() -> list[str]:
    entries = "".join(
        f'<li><svg class="strip" aria-hidden="true" viewBox="0 0 1 {strip.HEIGHT}" preserveAspectRatio="none">'
        f"{strip.shape(state, 0, 1)}</svg>{meaning}</li>" for state, meaning in strip.MEANINGS.items())
    return [
        "<footer>", "<h2>Reading the days</h2>", f'<ul class="legend">{entries}</ul>',
        '<p class="soft">An instance could be brought back today if its last good backup and its last proven restore are as young as its '
        "objectives want. Channels that are a linked device, such as WhatsApp, may ask to be paired again after a restore.</p>",
        '<p class="soft">Days are those of UTC. Times are by the storage\'s clock. What a snapshot says of itself is not authenticated '
        "without its key; whoever may write to the storage is believed.</p>",
        f'<p class="soft">openclaw_ops.backup {VERSION}</p>', "</footer>"]
