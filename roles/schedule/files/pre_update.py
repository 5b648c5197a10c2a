# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backs up before an OpenClaw update, and lets the update go on only if there is a backup to go back to.

    openclaw-backup-pre-update [--instance NAME | --all] [--override REASON] [-- COMMAND …]

Files that come and go while they are read are told and block nothing. A backup that fails, or that lacks something that should
be in it, blocks, unless a reason is given why to go on without: the reason is recorded. With a command, that one is run then.
"""
from __future__ import annotations

import argparse
import datetime
import getpass
import json
import os
import subprocess
import sys

TOOL = "/usr/local/bin/openclaw-backup"
RECORD = "/var/lib/openclaw-backup/overrides.jsonl"
PASSING = ("vanished", "changed-while-read", "became-a-link", "became-special")  # what a live state does by itself
BLOCKED = 1
SHOWN = 10


def main(arguments: list[str]) -> int:
    """0: go on. 1: blocked. With a command: its exit status."""
    options = parse(arguments)
    problems = []
    for report in back_up(options):
        problems += judge(report)
    for problem in problems:
        print(f"openclaw-backup-pre-update: {problem}", file=sys.stderr)
    if problems and not options.override:
        print(
            "openclaw-backup-pre-update: THE UPDATE IS BLOCKED. There would be no complete backup to go back to. Cure this, or go on "
            "without: --override 'the reason' (it is recorded).", file=sys.stderr)
        return BLOCKED
    if problems:
        record(options, problems)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if command:
        sys.stdout.flush()  # what was said would be lost with this process
        try:
            os.execvp(command[0], command)
        except OSError as exc:
            print(f"openclaw-backup-pre-update: {command[0]} cannot be run: {exc.strerror}", file=sys.stderr)
            return 127
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line as data."""
    parser = argparse.ArgumentParser(prog="openclaw-backup-pre-update", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--instance", help="which instance; the default is the only one")
    which.add_argument("--all", action="store_true", help="all instances of this host")
    parser.add_argument("--override", metavar="REASON", help="go on although there is no complete backup")
    parser.add_argument("--note", default="before an update", help="a remark, kept encrypted with the snapshot")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run then")
    return parser.parse_args(arguments)


def back_up(options: argparse.Namespace) -> list[dict]:
    """The tool's report of each instance. No report is a failure, too."""
    which = ["--all"] if options.all else ["--instance", options.instance] if options.instance else []
    tool = os.environ.get("OPENCLAW_BACKUP_TOOL", TOOL)
    command = [tool, "--json", *which, "now", "--kind", "pre-update", "--note", options.note, "--wait", "1800"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
        found = json.loads(done.stdout)
        reports = found["instances"] if "instances" in found else [found]
        if reports and all(isinstance(report, dict) for report in reports):
            return reports
        why = "it names no instance"
    except OSError as exc:
        why = f"{command[0]} cannot be run: {exc.strerror}"
    except (ValueError, KeyError, TypeError):
        why = f"{command[0]} ended with status {done.returncode} and without a result"
    return [{"instance": options.instance, "status": "failed", "msg": why, "error_code": "no-result", "hint": ""}]


def judge(report: dict) -> list[str]:
    """Why this instance's update should not go on; says what blocks nothing."""
    name = report.get("instance") or "this host's instance"
    if report.get("status") not in ("complete", "omissions", "unchanged"):
        return [f"{name}: {report.get('msg')} [{report.get('error_code')}] {report.get('hint') or ''}".rstrip()]
    missing = [item for item in report.get("omissions") or () if isinstance(item, dict)]
    passing = [item for item in missing if item.get("reason") in PASSING]
    for item in passing[:SHOWN]:
        print(f"{name}: not in the snapshot, and no reason to wait: {item.get('path')}: {item.get('reason')}")
    gaps = [item for item in missing if item.get("reason") not in PASSING]
    if not gaps:
        snapshot = (report.get("snapshot") or {}).get("id", "")
        print(f"{name}: {'nothing changed since' if report['status'] == 'unchanged' else 'backed up as'} {snapshot}")
    return [f"{name}: missing in the snapshot: {item.get('path')}: {item.get('reason')}" for item in gaps[:SHOWN]] + (
        [f"{name}: and {len(gaps) - SHOWN} more"] if len(gaps) > SHOWN else [])


def record(options: argparse.Namespace, problems: list[str]) -> None:
    """Keep who went on without a backup, when and why. Where that cannot be kept, nobody goes on."""
    now = datetime.datetime.now(datetime.timezone.utc)
    line = json.dumps({
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "user": os.environ.get("SUDO_USER") or getpass.getuser(), "instance": options.instance, "reason": options.override,
        "problems": problems})
    path = os.environ.get("OPENCLAW_BACKUP_OVERRIDES", RECORD)
    try:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError as exc:
        raise SystemExit(f"openclaw-backup-pre-update: the override cannot be recorded in {path}: {exc.strerror}") from exc
    print(f"openclaw-backup-pre-update: going on without a complete backup: {options.override}. Recorded in {path}.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
