# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""What came of a move to another host, of its rehearsal or of the way back: for programs, and in lines for people.

The facts are what the role migrate gathered: the host tool's reports of both hosts, with how long each of its steps took, and when
the cut-over began and was over by the controller's clock. Whatever is missing there was not reached.
"""
from __future__ import annotations

from .. import durations
from ..status import expectations, model
from . import words

MOVED, BACK, TAKEN_BACK, STOPPED, UNSURE = "moved", "came-back", "taken-back", "stopped", "unsure"
NOT_BACK, NOT_TAKEN_BACK = "not-back", "not-taken-back"
ABOUT, REHEARSED, IMPOSSIBLE, NOTHING = "about-to-move", "rehearsed", "impossible", "nothing-to-do"
_SENTENCES = {
    ABOUT: "{instance} is about to move from {from} to {to}: its gateway there will be stopped, disabled and fenced.",
    MOVED: "{instance} now runs on {to}. On {from} its gateway stays down: stopped, disabled and fenced.",
    BACK: "{instance} runs on {from} again, as it was before. The gateway on {to} is down and fenced.",
    TAKEN_BACK: "{instance} runs on {from} again, as it was when it was fenced there. The gateway on {to} is down and fenced.",
    STOPPED: "{instance} does not run: the gateway on {to} is down and fenced.",
    NOT_BACK: "The gateway of {instance} on {to} is down and fenced, and {from} did not say that its own is back: look there now.",
    NOT_TAKEN_BACK: "{instance} was not taken back: its gateway on {from} stays down and fenced, and on {to} it may run.",
    UNSURE: "It is not certain that only one of the gateways of {instance} runs. Look at both hosts now.",
    REHEARSED: "{instance} could be moved from {from} to {to}; nothing was changed on {from}, and {to} is as it was.",
    IMPOSSIBLE: "{instance} could not be moved from {from} to {to}; nothing was changed on {from}, and {to} is as it was.",
    NOTHING: "{instance} runs on {to} already, and is fenced on {from}.",
}
_EDITS = {
    "path": "Paths rewritten", "link": "Links rewritten", "removed": "Left behind by processes that ended, removed",
    "anchor": "Anchors of the config refreshed", "identity": "Identities set", "merged": "Merged"}


def report(facts: dict) -> dict:
    """JSON-native. downtime_s: from the order to stop the old gateway until the other one was seen healthy."""
    source, target = facts.get("source") or {}, facts.get("target") or {}
    times = facts.get("times") or {}
    downtime = _between(times, "began", "healthy")
    snapshot = (facts.get("last") or {}).get("snapshot") or target.get("snapshot") or {}
    restored = facts.get("restored") or {}
    edits = restored.get("edits") or {}
    health = ((facts.get("after") or {}).get("ground") or {}).get("health")
    return {
        "instance": facts["instance"], "from": facts["from"], "to": facts["to"], "outcome": facts["outcome"],
        "time": model.iso(facts.get("now")), "downtime_s": downtime, "downtime_parts": _parts(facts, downtime),
        "rounds": [_round(one) for one in facts.get("rounds") or []], "snapshot": snapshot.get("id"),
        "staged_s": restored.get("took_s") if facts["outcome"] == REHEARSED else None,
        "last_backup": _stored(facts.get("last")), "loss_window_s": _lost(facts, snapshot),
        "versions": {"from": _versions(source) or (target.get("snapshot") or {}).get("versions") or {}, "to": _versions(target)},
        "moves": (target.get("snapshot") or {}).get("moves") or [], "omissions": (facts.get("last") or {}).get("omissions") or [],
        "edits": edits.get("changes") or [], "unmapped": edits.get("unmapped") or [], "notes": restored.get("notes") or [],
        "channels": _channels(facts, health), "problems": target.get("problems") or [], "failure": facts.get("failure"),
        "to_do": _to_do(facts)}


def _parts(facts: dict, downtime: float | None) -> dict:
    """Where the downtime went. between_s: what is left of it, for connections, Ansible, and the start of programs."""
    left, restored, returned = facts.get("left") or {}, facts.get("restored") or {}, facts.get("returned") or {}
    start = returned.get("start_s") if returned else restored.get("start_s")
    found = {
        "stop_s": left.get("fence_s"), "last_backup_s": (left.get("backup") or {}).get("took_s"),
        "restore_s": restored["took_s"] - start if restored.get("took_s") is not None and start is not None else None, "start_s": start}
    parts = {name: round(seconds, 1) for name, seconds in found.items() if seconds is not None}
    if downtime is not None and parts:
        parts["between_s"] = round(max(0.0, downtime - sum(parts.values())), 1)
    return parts


def _between(times: dict, begin: str, end: str) -> float | None:
    return round(times[end] - times[begin], 1) if times.get(begin) and times.get(end) else None


def _lost(facts: dict, snapshot: dict) -> float | None:
    """Seconds between the newest snapshot and now, where the host that could tell what happened since then is gone."""
    made = expectations.moment(snapshot.get("created")) if facts.get("source_gone") and snapshot.get("created") else None
    return max(0.0, facts["now"] - made) if made is not None and facts.get("now") else None


def _versions(side: dict) -> dict:
    return (side.get("ground") or {}).get("versions") or {}


def _stored(backup: dict | None) -> dict | None:
    if not backup:
        return None
    snapshot, changed = backup.get("snapshot") or {}, backup.get("changed") is True
    return {"snapshot": snapshot.get("id"), "bytes": snapshot.get("bytes"), "bytes_stored": snapshot.get("bytes_stored") if changed else 0}


def _round(one: dict) -> dict:
    prefetch = one.get("prefetch") or {}
    return {
        **(_stored(one.get("backup")) or {"snapshot": (prefetch.get("snapshot") or {}).get("id"), "bytes_stored": None}),
        "bytes_read": prefetch.get("bytes_read"), "backup_s": one.get("backup_s"), "prefetch_s": one.get("prefetch_s")}


def _channels(facts: dict, health: dict | None) -> list[dict]:
    """As they were expected, and, once the new gateway runs, as they are."""
    known = (facts.get("target") or {}).get("channels") or (facts.get("source") or {}).get("channels") or []
    failing = [str(name) for name in (health or {}).get("channels_failing") or []]
    found = []
    for one in known:
        name = one["channel"]
        fails = any(other == name or other.startswith((f"{name}:", f"{name}/")) for other in failing)
        found.append({**one, "observed": None if health is None else "failing" if fails else "no failure seen"})
    return found


def _to_do(facts: dict) -> list[str]:
    if facts["outcome"] == MOVED:
        return [
            f"In the inventory, move the entry of {facts['instance']} in openclaw_backup_instances from {facts['from']} to {facts['to']}, "
            "then run the playbook site on both.",
            f"Let what points at {facts['from']} (names, webhooks, firewalls) point at {facts['to']}.",
            f"To take it back: ansible-playbook openclaw_ops.backup.migrate_rollback -e openclaw_from={facts['from']} "
            f"-e openclaw_to={facts['to']}"]
    if facts["outcome"] == NOT_BACK:
        return [
            f"See on {facts['from']} why the gateway of {facts['instance']} did not come back, and bring it back there: "
            f"openclaw-backup --instance {facts['instance']} unfence; if it is not fenced any more, start its service."]
    if facts["outcome"] == NOT_TAKEN_BACK:
        return [f"See on {facts['to']} why its gateway could not be fenced, and run migrate_rollback again."]
    if facts["outcome"] == UNSURE:
        return [
            f"See that no gateway of {facts['instance']} runs on {facts['to']}, and fence it there: "
            f"openclaw-backup --instance {facts['instance']} fence",
            f"Then bring the old one back on {facts['from']}: openclaw-backup --instance {facts['instance']} unfence"]
    return []


def lines(made: dict) -> list[str]:
    """The report for people."""
    shown = [_SENTENCES[made["outcome"]].format(**made)]
    if made["failure"]:
        shown += _failure(made["failure"])
    if made["downtime_s"] is not None:
        parts = ", ".join(f"{name[:-2].replace('_', ' ')} {seconds:.1f} s" for name, seconds in made["downtime_parts"].items())
        shown.append(f"Downtime: {made['downtime_s']:.1f} s ({parts})")
    elif made["outcome"] in (ABOUT, REHEARSED):
        shown.append(_estimate(made))
    if made["loss_window_s"] is not None:
        shown.append(f"Lost: what happened since snapshot {made['snapshot']}, {durations.short(made['loss_window_s'])} ago")
    shown += [_round_line(number, one) for number, one in enumerate(made["rounds"], 1)]
    if made["last_backup"]:
        last = made["last_backup"]
        shown.append(f"Last difference: {words.size(last['bytes_stored'] or 0)} stored, snapshot {last['snapshot']}")
    shown.append(f"Versions: {_version_words(made['versions']['from'])} → {_version_words(made['versions']['to'])}")
    shown += _details(made)
    shown += channel_lines(made["channels"])
    return [words.clean(line, 1000) for line in [*shown, *(f"To do: {text}" for text in made["to_do"])]]


def _failure(failure: dict):
    code = f" [{failure['error_code']}]" if failure.get("error_code") else ""
    yield f"It failed at the step {failure.get('step')}: {failure.get('msg')}{code}"
    if failure.get("hint"):
        yield str(failure["hint"])


def _estimate(made: dict) -> str:
    last = made["rounds"][-1] if made["rounds"] else {}
    known = sum(last.get(name) or 0 for name in ("backup_s", "prefetch_s"))
    staged = made["staged_s"]
    what = "the last round took here" if staged is None else "the last round and the staging took here"
    return (f"Downtime to expect: {known + (staged or 0):.0f} s for the last difference, as {what}, beside the stop and the start of "
            "the gateway")


def _round_line(number: int, one: dict) -> str:
    stored = "nothing backed up"
    if one["bytes_stored"] is not None:
        stored = f"{words.size(one['bytes_stored'])} stored in {one['backup_s'] or 0:.0f} s"
    return f"Round {number}: {stored}, {words.size(one['bytes_read'] or 0)} read in {one['prefetch_s'] or 0:.0f} s"


def _version_words(versions: dict) -> str:
    return f"OpenClaw {versions.get('openclaw') or 'unknown'}, Node {versions.get('node') or 'unknown'}"


def _details(made: dict):
    for old, new in made["moves"]:
        yield f"Moved: {old} → {new}"
    for one in made["omissions"]:
        yield f"Missing: {one.get('path')}: {one.get('reason')}"
    yield from _edit_lines(made["edits"])
    for one in made["unmapped"]:
        yield f"Still points elsewhere: {one['path']} {one['field']}: {one['value']} ({one['reason']})"
    for text in made["notes"]:
        yield f"Note: {text}"
    for one in made["problems"]:
        yield f"{one['level'].capitalize()}: {one['message']}. {one['hint']}"


def _edit_lines(edits: list[dict]):
    """What was held back, one by one; of the rest, how many."""
    counts: dict[str, int] = {}
    for one in edits:
        if one["kind"] == "held":
            yield f"Held back: {one['path']} {one['field']}: {one['before']} → {one['after']}"
        else:
            counts[one["kind"]] = counts.get(one["kind"], 0) + 1
    for kind, count in sorted(counts.items()):
        yield f"{_EDITS.get(kind, kind)}: {count}"


def channel_lines(channels: list[dict]) -> list[str]:
    """One line for each channel: before a move as a warning, after it as it is."""
    shown = []
    for one in channels:
        accounts = "" if list(one["accounts"]) == ["default"] else f" ({', '.join(one['accounts'])})"
        observed = f"; seen: {one['observed']}" if one.get("observed") else ""
        expected = f"Channel {one['channel']}{accounts}: login survives: {one['survives']}{observed}."
        shown.append(f"{expected} {one['why']} If not: {one['if_not']}")
    return [words.clean(line, 1000) for line in shown]
