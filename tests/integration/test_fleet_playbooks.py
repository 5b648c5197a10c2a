# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbooks for fleets have in common: the host tool's results as a table, progress, a limit, and no silent nothing."""
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
REPORT = {"instance": "assistant", "operation": "backup", "status": "complete", "changed": True, "error_code": None, "msg": "", "hint": "",
          "snapshot": {"id": "2026-11-20T02:30:00.123Z", "bytes": 5000, "bytes_stored": 10}}
FAILED = {"instance": "second", "operation": "backup", "status": "failed", "error_code": "wrong-key", "msg": "No key", "hint": "Give one."}
# As the tool leaves its progress, then slow enough that lines are printed.
TOOL = """\
#!/bin/sh
echo "begin $$ $*" >> {log}
if [ -n "$OPENCLAW_BACKUP_PROGRESS_FILE" ]; then
    echo '{{"phase": "assistant: capture", "bytes_done": 5, "bytes_total": 10, "files_done": 1, "files_total": 2, "pid": '$$', "elapsed": 1}}' \\
        > "$OPENCLAW_BACKUP_PROGRESS_FILE"
fi
sleep {seconds}
echo "end $$" >> {log}
cat {report}
exit {status}
"""
PLAY = """
- hosts: all
  gather_facts: false
  strategy: ansible.builtin.free
  module_defaults:
    openclaw_ops.backup.openclaw_host_run: {executable: "{{ test_tool }}"}
  tasks:
    - ansible.builtin.import_tasks: "{{ test_tasks }}/run_tool.yml"
      vars:
        openclaw_run_arguments: [now, --kind, manual]
- hosts: all:localhost
  gather_facts: false
  vars_files: ["{{ test_tasks }}/../vars/table.yml"]
  tasks:
    - ansible.builtin.import_tasks: "{{ test_tasks }}/table.yml"
"""


@pytest.fixture
def fleet(ansible, tmp_path):
    """run(hosts, ...): play with a tool that gives these reports; the result, and what the tool was asked."""
    playbook, log, report, tool = (tmp_path / name for name in ("play.yml", "log", "report", "tool"))
    playbook.write_text(PLAY)
    log.write_text("")

    def run(hosts: str, *arguments: str, reports=(REPORT,), status=0, seconds=0.0, **variables):
        report.write_text(json.dumps({"exit_code": status, "instances": list(reports)}))
        tool.write_text(TOOL.format(log=log, report=report, seconds=seconds, status=status))
        tool.chmod(0o755)
        given = {"test_tool": str(tool), "test_tasks": str(CHECKOUT / "playbooks" / "tasks"), **variables}
        return ansible.run(playbook, "-i", hosts, *arguments, variables=given), log.read_text().splitlines()
    return run


def test_every_host_gets_progress_and_no_more_work_at_once_than_wanted(fleet):
    done, log = fleet("one,two,three,", seconds=3.5, openclaw_parallel=1)
    assert done.returncode == 0, done.stdout
    assert [line.split()[0] for line in log] == ["begin", "end"] * 3, log
    assert {line.split()[1] for line in log[::2]} == {line.split()[1] for line in log[1::2]}
    for host in ("one", "two", "three"):
        assert re.search(rf"^{host}: assistant: capture, 50 %", done.stdout, re.M), done.stdout
        assert re.search(rf"{host}\s+assistant\s+ok", done.stdout)
    assert "changed=1" in done.stdout


def test_one_bad_instance_is_in_the_table_and_ends_the_play_with_an_error(fleet):
    done, log = fleet("one,", reports=(REPORT, FAILED), status=13, openclaw_instance="assistant")
    assert done.returncode != 0
    assert re.search(r"one\s+second\s+FAILED.*No key \[wrong-key\]", done.stdout) and re.search(r"one\s+assistant\s+ok", done.stdout)
    assert "--json --instance assistant now --kind manual" in log[0]


def test_a_host_without_the_tool_says_how_to_get_it(fleet):
    done, _log = fleet("one,", test_tool="/nonexistent/tool")
    assert done.returncode != 0 and re.search(r"one\s+-\s+FAILED.*There is no /nonexistent/tool", done.stdout), done.stdout


def test_check_mode_leaves_out_what_changes_something(fleet):
    done, log = fleet("one,", "--check")
    assert done.returncode == 0 and log == []


@pytest.mark.parametrize("playbook", ["site", "backup", "prune", "keys"])
def test_a_fleet_without_hosts_is_no_success(ansible, playbook):
    done = ansible.run(f"openclaw_ops.backup.{playbook}")
    assert done.returncode != 0 and "No host was found" in done.stdout, done.stdout


def test_all_playbooks_are_about_the_same_hosts():
    """The group of the installer of OpenClaw, but for those that are about this machine or a staging host."""
    found = {path.stem: set(re.findall(r"openclaw_hosts \| default\('(\w+)'\)", path.read_text()))
             for path in (CHECKOUT / "playbooks").glob("*.yml")}
    others = {"backup_here", "extract", "monitor", "staging", "verify"}
    assert all(hosts <= {"openclaw_servers"} for name, hosts in found.items() if name not in others), found
