# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people are shown of a restore: what it would do, what it did, and what a gateway said that did not start."""
from __future__ import annotations

from .text import iso, moment, pairs, printable, size

_SHOWN = 20
_HELD = {
    "deliveries": {"hold": "queued messages are held", "keep": "queued messages ARE SENT"},
    "missed_cron": {"skip": "missed cron runs are skipped", "run": "missed cron runs ARE RUN"},
    "turns": {"settle": "turns that were under way are closed", "resume": "turns that were under way are resumed"},
    "identity": {"snapshot": "identity of the snapshot", "target": "identity of this host"},
}


def show(report: dict) -> str:
    """What was written, or put in place."""
    if "target" in report:
        return _show_extracted(report)
    if report["dry_run"]:
        return plan_text(report["plan"])
    if not report["changed"]:
        return report["msg"]
    lines = [f"{report['msg']}: {report['files']:,} files, {size(report['bytes'])}"]
    if report["health"]:
        lines.append(f"  gateway: {report['health']['state']}; down for {report['downtime_s']:.1f}s (stop {report['stop_s']:.1f}s, "
                     f"start {report['start_s']:.1f}s)")
    if report["pre_restore_snapshot"]:
        lines.append(f"  the state before is snapshot {report['pre_restore_snapshot']}")
    if report["aside"]:
        lines.append(f"  and lies in {', '.join(printable(path) for path in report['aside'])} until {moment(iso(report['aside_until']))}")
    changes = report["edits"]["changes"]
    if changes:
        lines.append(f"  {len(changes)} edits, so that it fits here and does not act on the past")
    lines += _listed("leads nowhere here", [f"{one['path']} {one['field']}: {one['value']}" for one in report["edits"]["unmapped"]])
    lines += _listed("channel that needs attention", report["channels_failing"])
    lines += _listed("not in the snapshot", [f"{item['path']}: {item['reason']}" for item in report["omissions"]])
    return "\n".join(lines + [f"  {printable(note)}" for note in report["notes"]])


def _show_extracted(report: dict) -> str:
    if not report["changed"]:
        return f"{printable(report['target'])} holds this already"
    lines = [
        f"Restored snapshot of {moment(report['snapshot']['created'])} to {printable(report['target'])}: {report['files']:,} files, "
        f"{size(report['bytes'])}", f"  state directory: {printable(report['state_dir'])}"]
    lines += _listed("not in the snapshot", [f"{item['path']}: {item['reason']}" for item in report["omissions"]])
    return "\n".join(lines + [f"  {printable(note)}" for note in report["notes"]])


def plan_text(plan: dict) -> str:
    """What a restore over the live state would do."""
    versions = plan["versions"]
    held = [words[plan["held_back"][name]] for name, words in _HELD.items()]
    rows = [
        ("snapshot", moment(plan["snapshot"])), ("over", f"{printable(plan['state_dir'])} of {plan['user']}"),
        ("files", f"{plan['created']:,} created, {plan['replaced']:,} replaced, {plan['deleted']:,} put aside, "
                  f"{plan['unchanged']:,} as they are"),
        ("swapped", f"{plan['swaps']:,} paths"), ("to read", f"{size(plan['bytes_to_read'])} for {size(plan['bytes'])}"),
        ("OpenClaw", f"{versions['snapshot'] or 'unknown'} in the snapshot, {versions['installed'] or 'unknown'} here"),
        ("gateway", f"{plan['gateway']} now" + (", its fence is taken away" if plan["unfences"] else "")), ("held back", "; ".join(held)),
        ("before", "a snapshot of the live state" if plan["pre_restore_snapshot"] else "no snapshot of the live state"),
        ("old state", f"kept aside for {plan['keep_aside']}" if plan["keep_aside"] != "0" else "removed at once")]
    lines = [pairs(rows)] if plan["changed"] else [f"Snapshot {plan['snapshot']} is in place already"]
    for name, word in (("created", "+"), ("replaced", "~"), ("deleted", "-")):
        lines += [f"  {word} {printable(path)}" for path in plan["paths"][name][:_SHOWN]]
        lines += [f"  {word} … and {plan[name] - _SHOWN:,} more"] if plan[name] > _SHOWN else []
    lines += _listed("left out", [f"{one['path']}: {one['reason']}" for one in plan["left_out"]])
    lines += _listed("may have to be paired again", [f"{one['channel']}: {one['if_not']}" for one in plan["channels"]])
    return "\n".join(lines + _listed("not in the snapshot", [f"{item['path']}: {item['reason']}" for item in plan["omissions"]]))


def show_log(report: dict) -> str:
    """The last words of a gateway that did not start on the new state."""
    details = report["details"]
    lines = [f"  | {printable(line)}" for line in (details.get("log") or [])[-_SHOWN:]]
    return "\n".join(lines + ([f"  all of it is in {details['log_file']}"] if details.get("log_file") else []))


def show_recovered(report: dict) -> str:
    """What was ended."""
    lines = [report["msg"]]
    lines += _listed("removed", report["asides_removed"])
    return "\n".join(lines)


def _listed(what: str, texts: list[str]) -> list[str]:
    lines = [f"  {what}: {printable(text)}" for text in texts[:_SHOWN]]
    return lines + ([f"  … and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else [])
