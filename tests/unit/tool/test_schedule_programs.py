# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small programs of the role schedule: nothing is pruned after a failure; no update without a backup, unless somebody says why."""
from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles" / "schedule" / "files"


@pytest.mark.parametrize("content, status", [
    ({"status": "complete"}, 0), ({"status": "omissions"}, 0), ({"status": "unchanged"}, 0), ({"status": "failed"}, 1), ({}, 1), ([], 1), (None, 1)])
def test_nothing_is_pruned_unless_the_last_backup_went_well(tmp_path, content, status):
    (tmp_path / "one").mkdir()
    if content is not None:
        (tmp_path / "one" / "last-backup.json").write_text(json.dumps(content))
    assert runpy.run_path(str(FILES / "last_backup_ok.py"))["main"]("one", str(tmp_path)) == status


def test_services_are_let_write_where_live_databases_are_and_no_path_ends_its_line(tmp_path):
    program = runpy.run_path(str(FILES / "discover_timers.py"))
    found = [{"instance": "one", "directories": ["/home/a/.openclaw", "/home/a/my work/100%", "/x\n[Service]\nExecStart=/bin/sh", '/x" "/etc', "relative"]},
             {"instance": "two"}]
    assert program["drop_in"](found).splitlines()[1:] == [
        "[Service]", 'ReadWritePaths="-/home/a/.openclaw"', 'ReadWritePaths="-/home/a/my work/100%%"']
    program["write_drop_ins"].__globals__["UNITS"] = str(tmp_path)
    assert program["write_drop_ins"]("text") and not program["write_drop_ins"]("text") and program["write_drop_ins"]("another")
    assert {path.parent.name for path in tmp_path.rglob("*.conf")} == {"openclaw-backup@.service.d", "openclaw-backup-pre-update@.service.d"}


def pre_update(tmp_path, report, *arguments, status=0):
    """Run the wrapper with a tool that gives this report."""
    tool = tmp_path / "tool"
    said = report if isinstance(report, str) else json.dumps(report)
    tool.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/asked\ncat <<'END'\n{said}\nEND\nexit {status}\n")
    tool.chmod(0o755)
    environment = {**os.environ, "OPENCLAW_BACKUP_TOOL": str(tool), "OPENCLAW_BACKUP_OVERRIDES": str(tmp_path / "overrides.jsonl")}
    return subprocess.run(
        [sys.executable, "-I", FILES / "pre_update.py", "--instance", "one", *arguments], env=environment, capture_output=True,
        text=True, check=False)


def report(status, *reasons, **more):
    return {"instance": "one", "status": status, "snapshot": {"id": "s"}, "omissions": [{"path": "/p", "reason": reason} for reason in reasons], **more}


@pytest.mark.parametrize("said", [report("complete"), report("unchanged"), report("omissions", "vanished", "changed-while-read")])
def test_an_update_goes_on_after_a_backup_and_files_that_come_and_go_block_nothing(tmp_path, said):
    done = pre_update(tmp_path, said, "--", "sh", "-c", f"touch {tmp_path}/updated; exit 7")
    assert done.returncode == 7 and (tmp_path / "updated").exists(), done.stderr
    assert "--kind pre-update" in (tmp_path / "asked").read_text()
    assert "vanished" not in json.dumps(said) or "/p: vanished" in done.stdout


@pytest.mark.parametrize("said", [
    report("failed", msg="No storage", error_code="storage-unreachable"), report("omissions", "vanished", "workspace-missing"), "", "[]", "{}",
    '{"instances": []}'])
def test_an_update_is_blocked_without_a_complete_backup_and_goes_on_only_for_a_recorded_reason(tmp_path, said):
    done = pre_update(tmp_path, said, "--", "touch", str(tmp_path / "updated"), status=12)
    assert done.returncode == 1 and not (tmp_path / "updated").exists()
    assert "BLOCKED" in done.stderr and "--override" in done.stderr
    assert not (tmp_path / "overrides.jsonl").exists()
    done = pre_update(tmp_path, said, "--override", "the fix is in it", "--", "touch", str(tmp_path / "updated"), status=12)
    assert done.returncode == 0 and (tmp_path / "updated").exists()
    recorded = json.loads((tmp_path / "overrides.jsonl").read_text())
    assert recorded["reason"] == "the fix is in it" and recorded["problems"]
